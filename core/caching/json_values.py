"""Values as JSON: what comes out of the cache is what went in, or it is refused.

No pickle: whoever can write to the store must not be able to run code here.
"""

import json
import math
from typing import Any


class NotCacheable(TypeError):
    """A value that JSON would not give back; the message has the path to it."""


def encode(value: Any, key: str) -> bytes:
    """Encode a value; tuples are let through and come back as lists."""
    _check(value, key, "")
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def decode(payload: bytes) -> Any:
    return json.loads(payload)


def _check(value: Any, key: str, path: str) -> None:
    if isinstance(value, dict):
        for name, item in value.items():
            if type(name) is not str:
                raise _refused(key, path, f"a dict with the key {name!r}", "str keys")
            _check(item, key, f"{path}[{name!r}]")
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            _check(item, key, f"{path}[{index}]")
    elif isinstance(value, float) and not math.isfinite(value):
        raise _refused(key, path, f"{value!r}", "a finite number")
    elif value is not None and not isinstance(value, str | int | float | bool):
        expected = "None, bool, int, float, str, list or dict"
        raise _refused(key, path, f"of type {type(value).__name__}", expected)


def _refused(key: str, path: str, found: str, expected: str) -> NotCacheable:
    return NotCacheable(
        f"The value for the cache key {key!r} cannot be stored as JSON: "
        f"value{path} is {found}, expected {expected}."
    )

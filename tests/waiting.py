"""Waiting for a condition instead of for a length of time."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def wait_until(
    condition: Callable[[], T], *, timeout: float = 10.0, what: str = ""
) -> T:
    """Call ``condition`` until its result is true, and return that result.

    Raises TimeoutError after ``timeout`` seconds; ``what`` names what was awaited.
    """
    deadline = time.monotonic() + timeout
    while not (result := condition()):
        if time.monotonic() >= deadline:
            what = what or getattr(condition, "__name__", repr(condition))
            raise TimeoutError(f"{what}: not true within {timeout:g} seconds")
        time.sleep(0.01)
    return result

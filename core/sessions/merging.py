"""Two requests change one session: what each has changed survives."""

from collections.abc import Callable
from typing import Any

Data = dict[str, Any]


def merge(mine: Data, base: Data, theirs: Data, text_of: Callable[[Any], Any]) -> Data:
    """Carry over to ``theirs`` what ``mine`` has changed since ``base``, per key.

    Values are compared as they are stored, by ``text_of``: to Python True equals 1.
    What is the same on both sides stays the object that the request holds.
    """

    def are_same(one: Data, other: Data, key: str) -> bool:
        return bool(text_of(one[key]) == text_of(other[key]))

    merged = {
        key: mine[key] if key in mine and are_same(mine, theirs, key) else value
        for key, value in theirs.items()
        if key in mine or key not in base
    }
    for key, value in mine.items():
        if key not in base or not are_same(mine, base, key):
            merged[key] = value
    return merged

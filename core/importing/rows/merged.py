"""Merged cells among the data, of which only the first has a value."""

import re
from collections.abc import Iterable, Iterator

from core.importing.headers import Header

RANGE = re.compile(r"\$?([A-Z]+)\$?(\d+):\$?([A-Z]+)\$?(\d+)")


def merged_data(
    ranges: Iterable[str], header: Header
) -> Iterator[tuple[int, int, str]]:
    """Yield row and column of the first cell below the header, and the range."""
    indexes = sorted(column.index for column in header.columns)
    for range_ in ranges:
        match = RANGE.fullmatch(range_)
        if match is None or int(match[4]) <= header.row:
            continue
        left, right = _number(match[1]), _number(match[3])
        inside = [index for index in indexes if left <= index <= right]
        if inside:
            yield max(int(match[2]), header.row + 1), inside[0], range_


def _number(letters: str) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - ord("A") + 1
    return number

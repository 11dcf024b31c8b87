"""Numeric character references (``&#25991;``), which some programs write all texts in.

They are looked up rather than calculated: a Chinese text is one reference after the
other, so that what stands between two ``&#`` is mostly a known piece.
"""

import re

CODE = re.compile(r"[0-9]{1,7}|x[0-9A-Fa-f]{1,6}")
# Below this is markup, and what XML forbids or treats specially.
FIRST_CHARACTER = 0xA0
NO_CHARACTERS = {*range(0xD800, 0xE000), 0xFFFE, 0xFFFF}
LAST_CHARACTER = 0x10FFFF


class References(dict[str, str]):
    """Characters by their reference, which lacks its ``&#``."""

    def decoded(self, text: str) -> str:
        """Replace the references that stand for other than ASCII characters."""
        first, *rest = text.split("&#")
        return first + "".join(map(self.__getitem__, rest))

    def __missing__(self, piece: str) -> str:
        code, end, rest = piece.partition(";")
        if rest and end:
            # The last of a text is the only one that something else follows.
            return self[code + end] + rest
        character = _character(code) if end else None
        if character is None:
            return "&#" + piece
        self[piece] = character
        return character


def _character(code: str) -> str | None:
    if not CODE.fullmatch(code):
        return None
    number = int(code[1:], 16) if code.startswith("x") else int(code)
    if not FIRST_CHARACTER <= number <= LAST_CHARACTER or number in NO_CHARACTERS:
        return None
    return chr(number)

"""Numeric character references (``&#25991;``), which some programs write all texts in.

They are looked up rather than calculated: a Chinese text is one reference after the
other, so that what stands between two ``&#`` is mostly a known piece.
"""

import re

REFERENCE = re.compile(r"(?:([0-9]{1,7})|x([0-9A-Fa-f]{1,6}));")
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
        match = REFERENCE.match(piece)
        if match is None:
            return "&#" + piece
        number = int(match[1]) if match[1] else int(match[2], 16)
        if not FIRST_CHARACTER <= number <= LAST_CHARACTER or number in NO_CHARACTERS:
            return "&#" + piece
        character = chr(number)
        if match.end() == len(piece):
            self[piece] = character
        return character + piece[match.end() :]

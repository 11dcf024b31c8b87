"""The texts of cells, as they are stored in XML."""

import re

from core.importing.reading.faults import MAX_CELL_CHARACTERS, text_too_long

ESCAPE = re.compile(r"_x([0-9A-Fa-f]{4})_")
SURROGATE = re.compile(r"[\ud800-\udfff]")
# Every character may be stored as an escape such as _x000D_.
MAX_STORED_CHARACTERS = MAX_CELL_CHARACTERS * len("_x000D_")


def cell_text(stored: str) -> str:
    """Give the text of a cell; "" if it is blank."""
    if "_x" in stored:
        stored = _unescaped(stored)
    if "\r" in stored:
        stored = stored.replace("\r\n", "\n").replace("\r", "\n")
    if len(stored) > MAX_CELL_CHARACTERS:
        raise text_too_long()
    return "" if stored.isspace() else stored


def _unescaped(stored: str) -> str:
    text = ESCAPE.sub(lambda escape: chr(int(escape[1], 16)), stored)
    if SURROGATE.search(text):
        utf16 = text.encode("utf-16-le", "surrogatepass")
        return utf16.decode("utf-16-le", "replace")
    return text

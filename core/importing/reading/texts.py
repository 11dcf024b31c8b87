"""The texts of cells: how they are stored, and how that is written in XML."""

import re

from core.importing.reading.faults import MAX_CELL_CHARACTERS, Unreadable, text_too_long

ESCAPE = re.compile(r"_x([0-9A-Fa-f]{4})_")
SURROGATE = re.compile(r"[\ud800-\udfff]")
# Every character may be stored as an escape such as _x000D_.
MAX_STORED_CHARACTERS = MAX_CELL_CHARACTERS * len("_x000D_")

ENTITY = re.compile("&(amp|lt|gt|quot|apos);")
CHARACTERS = {"amp": "&", "lt": "<", "gt": ">", "quot": '"', "apos": "'"}
# What XML forbids or changes; the parser knows what to do.
CONTROL = re.compile("[\x00-\x08\x0b-\x1f\ud800-\udfff\ufffe\uffff]")


class Unusual(Exception):
    """Something that is left to the parser."""


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


def has_controls(text: str) -> bool:
    """Tell if there are control characters; none are where ``isprintable()``."""
    return CONTROL.search(text) is not None


def text_of_xml(xml: str) -> str:
    """Give the text of a cell from XML without markup and control characters."""
    text, entities = ENTITY.subn(lambda entity: CHARACTERS[entity[1]], xml)
    if entities != xml.count("&"):
        raise Unusual
    try:
        return cell_text(text)
    except Unreadable:
        raise Unusual from None  # The parser can say where it is.

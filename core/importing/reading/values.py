"""What is stored for a cell, to what the cell holds."""

import re
from collections.abc import Callable
from functools import lru_cache

from core.importing.reading.cells import Cell, Kind
from core.importing.reading.faults import Damaged
from core.importing.reading.serials import Serials, elapsed, iso_moment
from core.importing.reading.shared_strings import Texts
from core.importing.reading.styles import Format, Styles
from core.importing.reading.texts import cell_text

NUMBER = re.compile(
    r"[+-]?(?:\d{1,64}(?:\.\d{0,64})?|\.\d{1,64})(?:[eE][+-]?\d{1,3})?", re.ASCII
)
BOOLEANS = {"1": "1", "true": "1", "0": "0", "false": "0"}


class Values:
    """Knows what the workbook says of all of its cells."""

    def __init__(self, texts: Texts, styles: Styles, serials: Serials) -> None:
        self.texts = texts
        self.styles = styles
        self._serials = serials
        # Columns repeat their dates, which take longer than all else to convert.
        self._moment = lru_cache(maxsize=8_192)(self._moment_of)

    def cell(
        self, kind: str, style: str | None, stored: str | None, formula: str | None
    ) -> Cell | None:
        """Give the cell, or nothing if it is blank.

        ``kind`` is the type as the file names it. ``stored`` is ``None`` if there is
        no value, which is not the same as an empty one: a formula has an empty text
        as its result, or it has none because no spreadsheet program calculated it.
        """
        if formula is not None and (
            stored is None or (not stored and kind not in {"str", "inlineStr"})
        ):
            return Cell(Kind.FORMULA_WITHOUT_VALUE, f"={formula}")
        if not stored:
            return None
        match kind:
            case "s":
                return _text(self.texts[self._index(stored)])
            case "inlineStr" | "str":
                return _text(cell_text(stored))
            case "n":
                return self._number(stored.strip(), style)
            case "b":
                return self._boolean(stored.strip())
            case "e":
                return Cell(Kind.ERROR, stored.strip())
            case "d":
                return _iso_date(stored.strip())
        raise Damaged(f"a cell of type {kind}")

    def converter_of(self, form: Format) -> Callable[[str], str | None]:
        """Give what turns numbers of a date format into text.

        The converter gives nothing for what is no number, or that of no date.
        """
        return _elapsed if form.is_elapsed else self._moment

    def _moment_of(self, stored: str) -> str | None:
        return self._serials.moment(stored) if NUMBER.fullmatch(stored) else None

    def _index(self, stored: str) -> int:
        stored = stored.strip()
        if not (stored.isascii() and stored.isdigit() and len(stored) < 10):
            raise Damaged(f"shared string {stored}")
        if (index := int(stored)) >= len(self.texts):
            raise Damaged(f"there is no shared string {stored}")
        return index

    def _number(self, stored: str, style: str | None) -> Cell | None:
        if not stored:
            return None
        if not NUMBER.fullmatch(stored):
            raise Damaged(f"{stored} is no number")
        form = self.styles.format_of(style)
        if not form.is_date:
            return Cell(Kind.NUMBER, stored, form.digits)
        text = self.converter_of(form)(stored)
        if text is None:
            return Cell(Kind.INVALID_DATE, stored)
        return Cell(Kind.DATE, text)

    def _boolean(self, stored: str) -> Cell:
        if stored not in BOOLEANS:
            raise Damaged(f"{stored} is no boolean")
        return Cell(Kind.BOOLEAN, BOOLEANS[stored])


def _elapsed(stored: str) -> str | None:
    return elapsed(stored) if NUMBER.fullmatch(stored) else None


def _text(text: str) -> Cell | None:
    return Cell(Kind.TEXT, text) if text else None


def _iso_date(stored: str) -> Cell:
    text = iso_moment(stored)
    if text is None:
        return Cell(Kind.INVALID_DATE, stored)
    return Cell(Kind.DATE, text)

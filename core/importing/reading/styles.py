"""What the number formats of cells say about their values.

openpyxl tells which formats are dates, but for two kinds of East Asian ones, which it
takes for numbers: those that Excel has built in, and days of the week (``aaaa``).
"""

import re
from typing import ClassVar, NamedTuple

from openpyxl.styles.numbers import (
    builtin_format_code,
    is_date_format,
    is_timedelta_format,
)

from core.importing.reading.archive import Archive
from core.importing.reading.faults import Damaged
from core.importing.reading.package import MAX_PART_BYTES
from core.importing.reading.xml import Attributes, PartParser, parse_part

CJK_DATES = {*range(27, 37), *range(50, 59)}
# A longer one cannot be entered; openpyxl takes squared time for quotes left open.
MAX_FORMAT_CHARACTERS = 1_024
WEEKDAY = re.compile(r'^(?:[^;"\\]|"[^"]*"|\\.)*?a{3,4}', re.IGNORECASE)
ZEROS = re.compile(r"0{2,}")


class Format(NamedTuple):
    is_date: bool = False
    is_elapsed: bool = False
    digits: int = 0


NUMBER = Format()
DATE = Format(is_date=True)


class Styles:
    """The formats of cells by the number of their style."""

    def __init__(self, formats: list[Format] | None) -> None:
        self._formats = formats

    def format_of(self, style: str | None) -> Format:
        if self._formats is None:
            return NUMBER
        if style is None:
            return self._formats[0] if self._formats else NUMBER
        if not (style.isascii() and style.isdigit() and len(style) < 10):
            raise Damaged(f"the style {style}")
        if int(style) >= len(self._formats):
            raise Damaged(f"there is no style {style}")
        return self._formats[int(style)]


def read_styles(archive: Archive, part: str) -> Styles:
    if not part:
        return Styles(None)
    parser = _StylesParser()
    parse_part(archive, part, parser, max_bytes=MAX_PART_BYTES)
    return Styles([parser.format_of(number) for number in parser.cell_formats])


class _StylesParser(PartParser):
    CHILDREN: ClassVar = {
        "": frozenset({"styleSheet"}),
        "styleSheet": frozenset({"numFmts", "cellXfs"}),
        "numFmts": frozenset({"numFmt"}),
        "cellXfs": frozenset({"xf"}),
    }

    def __init__(self) -> None:
        super().__init__()
        self._custom: dict[str, Format] = {}
        self._built_in: dict[str, Format] = {}
        self._numbers: dict[str, str] = {}  # thousands of styles share a few
        self.cell_formats: list[str] = []

    def start_numFmt(self, attributes: Attributes) -> None:
        number = attributes.get("numFmtId", "")
        self._custom[number] = _format(attributes.get("formatCode", ""))

    def start_xf(self, attributes: Attributes) -> None:
        number = attributes.get("numFmtId", "0")
        self.cell_formats.append(self._numbers.setdefault(number, number))

    def format_of(self, number: str) -> Format:
        if number in self._custom:
            return self._custom[number]
        if number not in self._built_in:
            self._built_in[number] = _built_in(number)
        return self._built_in[number]


def _built_in(number: str) -> Format:
    if not (number.isascii() and number.isdigit() and len(number) < 10):
        raise Damaged(f"the number format {number}")
    if int(number) in CJK_DATES:
        return DATE
    return _format(builtin_format_code(int(number)) or "General")


def _format(code: str) -> Format:
    if len(code) > MAX_FORMAT_CHARACTERS:
        raise Damaged("a number format is too long")
    if is_timedelta_format(code):
        return Format(is_date=True, is_elapsed=True)
    if is_date_format(code) or WEEKDAY.match(code):
        return DATE
    zeros = ZEROS.fullmatch(code)
    return Format(digits=len(zeros[0])) if zeros else NUMBER

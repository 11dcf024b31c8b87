"""Values as cells that show and keep exactly them."""

import datetime
import re
from decimal import Decimal
from typing import Any

from django.utils import timezone
from openpyxl.cell import WriteOnlyCell
from openpyxl.cell.cell import Cell

from core.importing.reading import MAX_CELL_CHARACTERS

TEXT_FORMAT = "@"
DATE_FORMAT = "yyyy-mm-dd"
MOMENT_FORMAT = "yyyy-mm-dd hh:mm:ss"
TIME_FORMAT = "hh:mm:ss"
ELAPSED_FORMAT = "[h]:mm:ss"

# A number cell keeps 15 digits, and its calendar begins in the year 1900, whose
# February is wrong in it.
MAX_DIGITS = 15
FIRST_DATE = datetime.date(1900, 3, 1)

# What XML cannot hold.
ILLEGAL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
# What readers would take for the code of a character.
ESCAPE = re.compile(r"_(?=x[0-9A-Fa-f]{4}_)")


class TooLong(ValueError):
    """A text that no cell can hold; openpyxl would cut it off."""


def text_cell(sheet: Any, text: str) -> Cell:
    cell: Cell = WriteOnlyCell(sheet, value=stored_text(text))
    # A text that begins with "=" would be taken for a formula, "#N/A" for an error.
    cell.data_type = "s"
    cell.number_format = TEXT_FORMAT
    return cell


def stored_text(text: str) -> str:
    if len(text) > MAX_CELL_CHARACTERS:
        raise TooLong(
            f"a text of {len(text)} characters; a cell holds {MAX_CELL_CHARACTERS}"
        )
    text = ILLEGAL.sub("\N{REPLACEMENT CHARACTER}", text)
    escaped = ESCAPE.sub("_x005F_", text) if "_x" in text else text
    # Too long with its escapes, it loses them rather than its end.
    return escaped if len(escaped) <= MAX_CELL_CHARACTERS else text


def value_cell(sheet: Any, value: object) -> Cell | None:
    """Give the cell for a value of any type, or nothing for ``None`` and ``""``."""
    match value:
        case None | "":
            return None
        case str():
            return text_cell(sheet, value)
        case bool():
            return _cell(sheet, value)
        case int() | float() | Decimal():
            return _number_cell(sheet, value)
        case datetime.datetime():
            return _moment_cell(sheet, value)
        case datetime.date():
            return _date_cell(sheet, value, DATE_FORMAT)
        case datetime.time() if value.tzinfo is None:
            return _cell(sheet, value, TIME_FORMAT)
        case datetime.timedelta():
            return _cell(sheet, value, ELAPSED_FORMAT)
    return text_cell(sheet, str(value))


def _cell(sheet: Any, value: Any, number_format: str = "") -> Cell:
    cell: Cell = WriteOnlyCell(sheet, value=value)
    if number_format:
        cell.number_format = number_format
    return cell


def _number_cell(sheet: Any, value: int | float | Decimal) -> Cell:
    number = Decimal(repr(value)) if isinstance(value, float) else Decimal(value)
    if not number.is_finite():
        return text_cell(sheet, str(value))
    digits = number.normalize().as_tuple().digits
    # The sum 0.1 + 0.2 has 17 digits, and a cell shows it as 0.3.
    if len(digits) > MAX_DIGITS and not isinstance(value, float):
        return text_cell(sheet, format(number, "f"))
    return _cell(sheet, value)


def _moment_cell(sheet: Any, value: datetime.datetime) -> Cell:
    # A workbook knows no time zones; it is filled and read in local time.
    local = timezone.make_naive(value) if timezone.is_aware(value) else value
    # A date cell is read to the millisecond, and is not to be rounded up by that.
    whole = local.replace(microsecond=local.microsecond // 1_000 * 1_000)
    return _date_cell(sheet, whole, MOMENT_FORMAT)


def _date_cell(sheet: Any, value: datetime.date, number_format: str) -> Cell:
    day = value.date() if isinstance(value, datetime.datetime) else value
    if day < FIRST_DATE:
        return text_cell(sheet, str(value))
    return _cell(sheet, value, number_format)

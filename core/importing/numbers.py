"""Numbers from cells, without rounding and without digits made up.

A spreadsheet keeps 15 digits of a number; what it had to store as a longer
floating-point number has lost the others before the import sees it.
"""

import math
import re
import unicodedata
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.utils.translation import gettext as _

from core.importing.errors import BadCell, Reason, quoted, wrong_type
from core.importing.reader import Cell, CellKind

EXACT_FLOAT_LIMIT = 10**15
INTEGER = re.compile(r"[+-]?\d{1,40}")
DECIMAL = re.compile(r"[+-]?(\d{1,80}(\.\d{0,80})?|\.\d{1,80})")


def number_text(cell: Cell) -> str:
    check_precision(cell)
    if isinstance(cell.value, float):
        return format(to_decimal(cell), "f")
    return str(cell.value).zfill(cell.digits)


def check_precision(cell: Cell) -> None:
    """Refuse a long number that was stored as floating point.

    Digits that are in the file as such arrive as ``int`` and are exact.
    """
    if isinstance(cell.value, float) and not abs(cell.value) < EXACT_FLOAT_LIMIT:
        raise BadCell(
            Reason.PRECISION_LOST,
            _(
                "precision lost: %(value)s has more than the 15 digits that a "
                "number cell keeps; give the cell the format Text and type it again."
            )
            % {"value": quoted(cell.value)},
        )


def _exact(number: float) -> Decimal:
    """Give the decimal that was typed: 0.3 for the sum 0.1 + 0.2."""
    return Decimal(format(number, ".15g"))


def integer_converter(
    field: "models.IntegerField[Any, Any]", connection: BaseDatabaseWrapper
) -> Callable[[Cell], Any]:
    lowest, highest = connection.ops.integer_field_range(field.get_internal_type())

    def convert(cell: Cell) -> int:
        number = _to_integer(cell)
        if lowest is not None and number < lowest:
            raise _out_of_range(number, lowest, highest)
        if highest is not None and number > highest:
            raise _out_of_range(number, lowest, highest)
        return number

    return convert


def _to_integer(cell: Cell) -> int:
    if cell.kind is CellKind.TEXT:
        text = _digits(cell.value)
        if INTEGER.fullmatch(text):
            return int(text)
    if cell.kind is CellKind.NUMBER:
        check_precision(cell)
        if cell.value == int(cell.value):
            return int(cell.value)
    raise wrong_type(cell.value, _("a whole number"))


def _out_of_range(number: int, lowest: object, highest: object) -> BadCell:
    return BadCell(
        Reason.OUT_OF_RANGE,
        _("%(value)s; expected a number from %(lowest)s to %(highest)s.")
        % {"value": quoted(number), "lowest": lowest, "highest": highest},
    )


def to_decimal(cell: Cell) -> Decimal:
    """Give the number without zeros at its end: 1.500 needs one decimal place."""
    text = format(_decimal(cell), "f")
    return Decimal(text.rstrip("0").rstrip(".") if "." in text else text)


def _decimal(cell: Cell) -> Decimal:
    if cell.kind is CellKind.TEXT:
        text = _digits(cell.value)
        if DECIMAL.fullmatch(text):
            return Decimal(text)
    if cell.kind is CellKind.NUMBER:
        check_precision(cell)
        if isinstance(cell.value, float):
            return _exact(cell.value)
        return Decimal(cell.value)
    raise wrong_type(cell.value, _("a number such as 12.50"))


def to_float(cell: Cell) -> float:
    number = _float_or_none(cell)
    if number is None or not math.isfinite(number):
        raise wrong_type(cell.value, _("a number such as 12.5"))
    return number


def _float_or_none(cell: Cell) -> float | None:
    text = _digits(cell.value) if cell.kind is CellKind.TEXT else ""
    if cell.kind is not CellKind.NUMBER and not DECIMAL.fullmatch(text):
        return None
    try:
        return float(text or cell.value)
    except OverflowError:
        return None


def _digits(text: str) -> str:
    return unicodedata.normalize("NFKC", text).strip()

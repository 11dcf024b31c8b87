"""Numbers from cells, without rounding and without digits made up.

A spreadsheet keeps 15 digits of a number; what it had to store as a longer
floating-point number has lost the others before the import sees it.
"""

import math
import re
import unicodedata
from decimal import Decimal

from django.utils.translation import gettext as _

from core.importing.converting.cells import Parser, quoted_cell, wrong_kind
from core.importing.errors import BadCell, Reason, quoted
from core.importing.reading import Kind

EXACT_FLOAT_LIMIT = 10**15
INTEGER = re.compile(r"[+-]?\d{1,40}")
DECIMAL = re.compile(r"[+-]?(\d{1,80}(\.\d{0,80})?|\.\d{1,80})")


def number_text(text: str, *, digits: int = 0) -> str:
    """Give a number cell's text; ``digits``: how many its format pads it to."""
    number = format(to_decimal(text), "f")
    return number.zfill(digits) if INTEGER.fullmatch(number) else number


def to_decimal(text: str) -> Decimal:
    """Give what was typed, without zeros at its end: 0.3 for the sum 0.1 + 0.2."""
    if INTEGER.fullmatch(text):
        return Decimal(text)  # exact, however long: the digits are in the file
    number = float(text)
    check_precision(number, text)
    return without_zeros(Decimal(format(number, ".15g")))


def without_zeros(number: Decimal) -> Decimal:
    text = format(number, "f")
    return Decimal(text.rstrip("0").rstrip(".") if "." in text else text)


def check_precision(number: float, text: str) -> None:
    """Refuse a long number that was stored as floating point."""
    if not abs(number) < EXACT_FLOAT_LIMIT:
        raise BadCell(
            Reason.PRECISION_LOST,
            _(
                "precision lost: %(value)s has more than the 15 digits that a "
                "number cell keeps; give the cell the format Text and type it again."
            )
            % {"value": quoted_cell(Kind.NUMBER, text)},
        )


def integer_parser(kind: Kind, lowest: int | None, highest: int | None) -> Parser:
    def parse(text: str) -> int:
        number = _to_integer(kind, text)
        is_low = lowest is not None and number < lowest
        if is_low or (highest is not None and number > highest):
            raise _out_of_range(number, lowest, highest)
        return number

    return parse


def _to_integer(kind: Kind, text: str) -> int:
    if kind is Kind.TEXT and INTEGER.fullmatch(_plain(text)):
        return int(_plain(text))
    if kind is Kind.NUMBER:
        number = to_decimal(text)
        if number == number.to_integral_value():
            return int(number)
    raise wrong_kind(kind, text, _("a whole number"))


def _out_of_range(number: int, lowest: object, highest: object) -> BadCell:
    return BadCell(
        Reason.OUT_OF_RANGE,
        _("%(value)s; expected a number from %(lowest)s to %(highest)s.")
        % {"value": quoted(number), "lowest": lowest, "highest": highest},
    )


def decimal_parser(kind: Kind) -> Parser:
    def parse(text: str) -> Decimal:
        if kind is Kind.NUMBER:
            return to_decimal(text)
        if kind is Kind.TEXT and DECIMAL.fullmatch(_plain(text)):
            return without_zeros(Decimal(_plain(text)))
        raise wrong_kind(kind, text, _("a number such as 12.50"))

    return parse


def float_parser(kind: Kind) -> Parser:
    def parse(text: str) -> float:
        is_number = kind is Kind.TEXT and DECIMAL.fullmatch(_plain(text))
        if kind is Kind.NUMBER or is_number:
            number = float(_plain(text))
            if math.isfinite(number):
                return number
        raise wrong_kind(kind, text, _("a number such as 12.5"))

    return parse


def _plain(text: str) -> str:
    return unicodedata.normalize("NFKC", text).strip()

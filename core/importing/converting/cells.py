"""What a converter is given, and how it shows that in a sentence."""

from collections.abc import Callable
from typing import Any, NoReturn, TypeAlias

from django.utils.translation import gettext as _

from core.importing.errors import BadCell, Reason, quoted, shown
from core.importing.reading import Kind

# From the text of a cell to a Python value, or to the database's text; raises
# ``BadCell``.
Parser: TypeAlias = Callable[[str], Any]
Converter: TypeAlias = Callable[[str], str | None]

UNREADABLE = {Kind.ERROR, Kind.FORMULA_WITHOUT_VALUE, Kind.INVALID_DATE}


def quoted_cell(kind: Kind, text: str) -> str:
    """Show a cell's value as its reader knows it."""
    match kind:
        case Kind.TEXT:
            return quoted(text)
        case Kind.BOOLEAN:
            return quoted(text == "1")
        case _:
            return shown(text)


def wrong_kind(kind: Kind, text: str, expected: str) -> BadCell:
    return BadCell(
        Reason.WRONG_TYPE,
        _("%(value)s; expected %(expected)s.")
        % {"value": quoted_cell(kind, text), "expected": expected},
    )


def refusing(kind: Kind) -> Parser:
    """Give the parser of cells whose value the spreadsheet itself does not know."""
    refusals = {
        Kind.ERROR: _refuse_error,
        Kind.FORMULA_WITHOUT_VALUE: _refuse_formula,
        Kind.INVALID_DATE: _refuse_date,
    }
    return refusals[kind]


def check_readable(kind: Kind, text: str) -> None:
    if kind in UNREADABLE:
        refusing(kind)(text)


def _refuse_error(text: str) -> NoReturn:
    raise BadCell(
        Reason.CELL_ERROR,
        _("the error value %(value)s; expected a value.") % {"value": shown(text)},
    )


def _refuse_formula(text: str) -> NoReturn:
    raise BadCell(
        Reason.FORMULA,
        _(
            "the formula has no stored result; open the workbook in a "
            "spreadsheet program and save it, or replace the formula by its value."
        ),
    )


def _refuse_date(text: str) -> NoReturn:
    raise BadCell(
        Reason.WRONG_TYPE,
        _(
            "%(value)s has the format of a date and is none; type the date again, or "
            "give the cell the format General if a number is meant."
        )
        % {"value": shown(text)},
    )

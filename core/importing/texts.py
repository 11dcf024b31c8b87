"""What a cell shows, as text."""

from django.utils.translation import gettext as _

from core.importing.errors import BadCell, Reason, quoted, shown
from core.importing.numbers import number_text
from core.importing.reader import Cell, CellKind


def check_readable(cell: Cell) -> None:
    """Refuse cells whose value the spreadsheet itself does not know."""
    if cell.kind is CellKind.ERROR:
        raise BadCell(
            Reason.CELL_ERROR,
            _("the error value %(value)s; expected a value.")
            % {"value": shown(str(cell.value))},
        )
    if cell.kind is CellKind.FORMULA_WITHOUT_VALUE:
        raise BadCell(
            Reason.FORMULA,
            _(
                "the formula has no stored result; open the workbook in a "
                "spreadsheet program and save it, or replace the formula by its value."
            ),
        )


def to_text(cell: Cell) -> str:
    """Give the text that the cell shows, without white space around it."""
    match cell.kind:
        case CellKind.TEXT:
            return str(cell.value).strip()
        case CellKind.NUMBER:
            return number_text(cell)
        case CellKind.BOOLEAN:
            return quoted(cell.value)
        case _:
            raise BadCell(
                Reason.WRONG_TYPE,
                _(
                    "the date or time %(value)s; expected text (give the cell the "
                    "format Text and type it again)."
                )
                % {"value": quoted(cell.value)},
            )

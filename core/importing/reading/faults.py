"""Why a file cannot be read, said without knowing which file it is."""

from django.utils.translation import gettext as _

from core.importing.errors import ImportFailed, shown

MAX_ROWS = 1_048_576
MAX_COLUMNS = 16_384
MAX_CELL_CHARACTERS = 32_767


class Unreadable(Exception):
    """Carries one sentence, and the cell that is at fault if it is one."""

    def __init__(self, problem: str, cell: str = "") -> None:
        super().__init__(problem)
        self.problem = problem
        self.cell = cell

    def of_file(self, file: str) -> ImportFailed:
        return ImportFailed(
            _("%(file)s: %(problem)s") % {"file": shown(file), "problem": self.problem}
        )

    def of_sheet(self, file: str, sheet: str) -> ImportFailed:
        parts = {
            "file": shown(file),
            "sheet": shown(sheet),
            "problem": self.problem,
        }
        if not self.cell:
            return ImportFailed(
                _("%(file)s, sheet %(sheet)s: %(problem)s") % parts,
            )
        parts["place"] = _("cell %(cell)s") % {"cell": shown(self.cell)}
        return ImportFailed(
            _("%(file)s, sheet %(sheet)s, %(place)s: %(problem)s") % parts
        )


class Damaged(Exception):
    """A part of a workbook is not what it must be; the text is for developers."""


def damaged() -> Unreadable:
    return Unreadable(
        _(
            "the workbook is damaged or incomplete; open it in a spreadsheet program "
            "and save it again as .xlsx."
        )
    )


def too_many_rows() -> Unreadable:
    return Unreadable(
        _("the sheet has rows beyond number %(rows)s, the last that a sheet can have.")
        % {"rows": MAX_ROWS}
    )


def too_many_columns() -> Unreadable:
    return Unreadable(
        _(
            "the sheet has columns beyond number %(columns)s, the last that a sheet "
            "can have."
        )
        % {"columns": MAX_COLUMNS}
    )


def text_too_long(cell: str = "") -> Unreadable:
    return Unreadable(
        _("a text has more than %(count)s characters, the most that a cell can hold.")
        % {"count": MAX_CELL_CHARACTERS},
        cell,
    )

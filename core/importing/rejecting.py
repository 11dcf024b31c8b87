"""The rows that were not imported, as a workbook to correct and import again."""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TypeAlias

from django.utils.translation import gettext as _

from core.importing.errors import ImportFailed, Problem, Problems, shown
from core.importing.headers import OWN_PREFIX, Header
from core.importing.reading import Row, open_source
from core.importing.request import ImportRequest
from core.importing.workbooks import RejectedRow, Summary, write_rejects

# Is told of the header and of all problems, before anything is written.
Reject: TypeAlias = Callable[[Header, Problems], None]


def rejecting(file: Path, source: Path, request: ImportRequest) -> Reject:
    """Make what writes the rejected rows to a file.

    They are read a second time, because a row may turn out to be faulty long after
    it was read: no more than their numbers and problems have to be remembered.
    """

    def reject(header: Header, problems: Problems) -> None:
        faults = _faults(problems, header)
        if not faults:
            return
        with open_source(source, encoding=request.encoding) as opened:
            sheet = opened.sheet(request.sheet)
            rows = iter(sheet.rows())
            headers = _headers(rows, header)
            summaries = [Summary(*group) for group in problems.summaries()]
            rejected = _rejected(rows, faults)
            try:
                # Opened first: where nothing can be written, nothing is begun.
                with file.open("wb") as opened_file:
                    write_rejects(
                        opened_file, headers, rejected, summaries, sheet=sheet.name
                    )
            except OSError as error:
                raise ImportFailed(
                    _("%(file)s: the file cannot be written (%(reason)s).")
                    % {"file": shown(str(file)), "reason": error.strerror}
                ) from error

    return reject


def _faults(problems: Iterable[Problem], header: Header) -> dict[int, dict[int, str]]:
    """Map rows to their columns' faults; those of the whole row are under 0."""
    faults: dict[int, dict[int, str]] = {}
    for problem in problems:
        if problem.row is None or problem.row <= header.row:
            continue
        of_row = faults.setdefault(problem.row, {})
        column = problem.column or 0
        before = f"{of_row[column]} " if column in of_row else ""
        of_row[column] = before + problem.message
    return faults


def _headers(rows: Iterator[Row], header: Header) -> dict[int, str]:
    row = next(row for row in rows if row.number == header.row)
    return {
        index: cell.text
        for index, cell in row.cells.items()
        if not cell.text.startswith(OWN_PREFIX)
    }


def _rejected(
    rows: Iterable[Row], faults: dict[int, dict[int, str]]
) -> Iterator[RejectedRow]:
    for row in rows:
        if row.number in faults:
            yield RejectedRow(row.number, row.cells, faults[row.number])

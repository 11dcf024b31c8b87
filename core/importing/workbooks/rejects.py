"""Rows that were not imported, to be corrected and imported again.

They keep their columns. Two columns follow, ``__error`` and ``__row``, which an import
ignores, as it does all whose headers begin with two underscores.
"""

import datetime
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, BinaryIO

from django.utils.translation import gettext as _
from openpyxl.cell import WriteOnlyCell
from openpyxl.cell.cell import ERROR_CODES
from openpyxl.cell.cell import Cell as WrittenCell
from openpyxl.comments import Comment
from openpyxl.styles import PatternFill

from core.importing.reading import MAX_CELL_CHARACTERS, Cell, Kind
from core.importing.workbooks.cells import (
    MAX_DIGITS,
    text_cell,
    value_cell,
)
from core.importing.workbooks.sheets import add_sheet, append_header, saved

ERROR_HEADER = "__error"
ROW_HEADER = "__row"
BAD = PatternFill("solid", fgColor="FFC7CE")
# Excel opens comments slowly.
MAX_COMMENTS = 10_000


@dataclass(frozen=True)
class RejectedRow:
    """A row as it was read; ``faults`` by column, those of the whole row under 0."""

    number: int
    cells: Mapping[int, Cell]
    faults: Mapping[int, str]


@dataclass(frozen=True)
class Summary:
    """How often something was wrong in a column, and in which cell first."""

    problem: str
    header: str
    count: int
    first: str


def write_rejects(
    file: Path | BinaryIO,
    headers: Mapping[int, str],
    rows: Iterable[RejectedRow],
    summaries: Iterable[Summary],
    *,
    sheet: str,
) -> None:
    """Write rejected rows under their ``headers`` (by column, from 1) as they come."""
    with saved(file) as workbook:
        _Rejects(add_sheet(workbook, sheet), headers).write(rows)
        _write_summary(add_sheet(workbook, _("summary")), summaries)


class _Rejects:
    def __init__(self, sheet: Any, headers: Mapping[int, str]) -> None:
        self._sheet = sheet
        self._headers = headers
        self._width = max(headers, default=0)
        self._comments = 0

    def write(self, rows: Iterable[RejectedRow]) -> None:
        own = [text_cell(self._sheet, name) for name in (ERROR_HEADER, ROW_HEADER)]
        columns = range(1, self._width + 1)
        append_header(
            self._sheet,
            [*(self._text(self._headers.get(column)) for column in columns), *own],
        )
        for row in rows:
            self._sheet.append(list(self._cells(row)))

    def _cells(self, row: RejectedRow) -> Iterator[WrittenCell | None]:
        for column in range(1, self._width + 1):
            written = self._written(row.cells.get(column))
            if fault := row.faults.get(column):
                written = written or WriteOnlyCell(self._sheet)
                self._mark(written, fault)
            yield written
        yield text_cell(self._sheet, _cut("\n".join(row.faults.values())))
        yield value_cell(self._sheet, row.number)

    def _mark(self, cell: WrittenCell, fault: str) -> None:
        cell.fill = BAD
        if self._comments < MAX_COMMENTS:
            self._comments += 1
            cell.comment = Comment(fault, "")

    def _text(self, text: str | None) -> WrittenCell | None:
        return text_cell(self._sheet, text) if text else None

    def _written(self, cell: Cell | None) -> WrittenCell | None:
        """Give the cell as it was, so that what was right in it stays right."""
        if cell is None:
            return None
        if cell.kind is Kind.ERROR and cell.text in ERROR_CODES:
            return WriteOnlyCell(self._sheet, value=cell.text)
        if cell.kind in {Kind.NUMBER, Kind.INVALID_DATE}:
            return self._number(cell)
        if cell.kind is Kind.BOOLEAN:
            return value_cell(self._sheet, cell.text == "1")
        if cell.kind is Kind.DATE:
            return value_cell(self._sheet, _date_value(cell.text))
        return self._text(cell.text)

    def _number(self, cell: Cell) -> WrittenCell:
        has_long_digits = cell.text.isdigit() and len(cell.text) > MAX_DIGITS
        if has_long_digits or not math.isfinite(float(cell.text)):
            return text_cell(self._sheet, cell.text)
        number: Any = Decimal(cell.text)
        written: WrittenCell = WriteOnlyCell(self._sheet, value=number)
        if cell.digits:
            written.number_format = "0" * cell.digits
        return written


def _date_value(text: str) -> object:
    """Give what a date cell holds, from the text that the reader gives it."""
    if "-" in text.lstrip("-"):
        moment = datetime.datetime.fromisoformat(text)
        return moment if " " in text else moment.date()
    hours, minutes, seconds = text.lstrip("-").split(":")
    elapsed = datetime.timedelta(
        hours=int(hours), minutes=int(minutes), seconds=float(seconds)
    )
    if text.startswith("-"):
        return -elapsed
    if elapsed >= datetime.timedelta(days=1):
        return elapsed
    return datetime.time.fromisoformat(text)


def _cut(text: str) -> str:
    return text[:MAX_CELL_CHARACTERS]


def _write_summary(sheet: Any, summaries: Iterable[Summary]) -> None:
    headers = [_("problem"), _("column"), _("count"), _("first cell")]
    append_header(sheet, [text_cell(sheet, header) for header in headers])
    for summary in summaries:
        values = (summary.problem, summary.header, summary.count, summary.first)
        sheet.append([value_cell(sheet, value) for value in values])

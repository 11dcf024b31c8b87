"""Rows of values as a workbook."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import BinaryIO

from core.importing.workbooks.cells import text_cell, value_cell
from core.importing.workbooks.sheets import add_sheet, append_header, saved


def write_export(
    file: Path | BinaryIO,
    headers: Sequence[str],
    rows: Iterable[Sequence[object]],
    *,
    sheet: str,
) -> None:
    """Write rows of values of Python's types as they come, in bounded memory.

    Moments become local time, to the millisecond. What a cell cannot hold as a number
    or as a date (more than 15 digits, a time before 1900) becomes text; a text that is
    too long for a cell raises ``TooLong``.
    """
    with saved(file) as workbook:
        written = add_sheet(workbook, sheet)
        append_header(written, [text_cell(written, header) for header in headers])
        for row in rows:
            written.append([value_cell(written, value) for value in row])

"""Sheets that are written row by row, and the row at their top."""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import openpyxl
from openpyxl.cell.cell import Cell
from openpyxl.styles import Font
from openpyxl.utils import get_column_letter

BOLD = Font(bold=True)
MIN_WIDTH = 12
MAX_WIDTH = 40
MAX_NAME_CHARACTERS = 31
FORBIDDEN_IN_NAMES = re.compile(r"[\\*?:/\[\]\x00-\x1f]")


@contextmanager
def saved(file: Path | BinaryIO) -> Iterator[Any]:
    """Give an empty workbook, which is saved at the end unless something failed."""
    workbook = openpyxl.Workbook(write_only=True)
    try:
        yield workbook
    except BaseException:
        # Their rows are in temporary files, which only saving would remove.
        sheets: Any = workbook.worksheets
        for sheet in sheets:
            sheet.close()
            sheet._writer.cleanup()
        raise
    workbook.save(file)


def add_sheet(workbook: Any, name: str) -> Any:
    """Add a sheet of that name, or of one close to it that a sheet may have."""
    allowed = FORBIDDEN_IN_NAMES.sub("_", name)[:MAX_NAME_CHARACTERS].strip("'")
    return workbook.create_sheet(allowed or "rows")


def append_header(sheet: Any, cells: Sequence[Cell | None]) -> None:
    """Write the first row of a sheet that is written row by row."""
    sheet.freeze_panes = "A2"
    for column, cell in enumerate(cells, start=1):
        width = len(str(cell.value)) * 2 if cell is not None else 0
        letter = get_column_letter(column)
        # Chinese characters are twice as wide as the digits that widths are given in.
        sheet.column_dimensions[letter].width = min(MAX_WIDTH, max(MIN_WIDTH, width))
        if cell is not None:
            cell.font = BOLD
    sheet.append(list(cells))

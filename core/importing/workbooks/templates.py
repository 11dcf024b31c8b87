"""Workbooks to be filled in: headers, rules, formats and choices, but no rows."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from django.utils.translation import gettext as _
from openpyxl.comments import Comment
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.datavalidation import DataValidation

from core.importing.workbooks.cells import TEXT_FORMAT, text_cell
from core.importing.workbooks.sheets import add_sheet, append_header, saved

GENERAL_FORMAT = "General"
CHOICES_SHEET = "choices"
MAX_ROWS = 1_048_576


@dataclass(frozen=True)
class TemplateColumn:
    """``rule``: a sentence on what the column takes, shown at its header.

    ``number_format``: that of its cells; as text ("@") they keep leading zeros and
    numbers of more than 15 digits. ``choices``: what its cells offer to choose from.
    """

    header: str
    rule: str
    number_format: str = TEXT_FORMAT
    choices: Sequence[str] = ()


def write_template(
    file: Path | BinaryIO, columns: Sequence[TemplateColumn], *, sheet: str
) -> None:
    with saved(file) as workbook:
        rows = add_sheet(workbook, sheet)
        for number, column in enumerate(columns, start=1):
            dimension = rows.column_dimensions[get_column_letter(number)]
            dimension.number_format = column.number_format
        if any(column.choices for column in columns):
            _add_choices(workbook, rows, columns)
        append_header(rows, [_header(rows, column) for column in columns])


def _header(sheet: Any, column: TemplateColumn) -> Any:
    cell = text_cell(sheet, column.header)
    cell.comment = Comment(column.rule, "")
    return cell


def _add_choices(workbook: Any, rows: Any, columns: Sequence[TemplateColumn]) -> None:
    """Offer choices from a hidden sheet: a list within the rule is short of space."""
    choices = workbook.create_sheet(CHOICES_SHEET)
    choices.sheet_state = "hidden"
    offered = [column.choices for column in columns]
    for row in range(max(map(len, offered))):
        choices.append(
            [text_cell(choices, of[row]) if row < len(of) else None for of in offered]
        )
    for number, column in enumerate(columns, start=1):
        if column.choices:
            letter = get_column_letter(number)
            source = f"{choices.title}!${letter}$1:${letter}"
            rule = DataValidation("list", f"{source}${len(column.choices)}")
            rule.errorTitle = column.header[:32]
            rule.error = _("Choose one of the values of the list.")
            rule.showErrorMessage = True
            rule.add(f"{letter}2:{letter}{MAX_ROWS}")
            rows.data_validations.append(rule)

"""The rows of a sheet, read exactly: whatever the format allows, by expat."""

import re
from typing import ClassVar

from django.utils.translation import gettext as _
from openpyxl.utils import column_index_from_string, get_column_letter

from core.importing.reading.cells import Cell, Layouts, Row
from core.importing.reading.faults import (
    MAX_COLUMNS,
    MAX_ROWS,
    Damaged,
    Unreadable,
    text_too_long,
    too_many_columns,
    too_many_rows,
)
from core.importing.reading.streams import ItemParser
from core.importing.reading.texts import MAX_STORED_CHARACTERS
from core.importing.reading.values import Values
from core.importing.reading.xml import Attributes, is_true

MAX_ROW_CHARACTERS = 16 * 1024**2
MAX_MERGED_RANGES = 100_000
MAX_RANGE_CHARACTERS = len("$XFD$1048576:$XFD$1048576")
REFERENCE = re.compile(r"([A-Za-z]{1,3})([1-9]\d{0,9})", re.ASCII)
# Nearly all columns that there are; the others take longer to calculate.
COLUMNS = {get_column_letter(column): column for column in range(1, 703)}
ROW_NUMBER = re.compile(r"[1-9]\d{0,9}", re.ASCII)


class SheetParser(ItemParser[Row]):
    """Collects rows, and what there is to know about the sheet."""

    CHILDREN: ClassVar = {
        "": frozenset({"worksheet"}),
        "worksheet": frozenset({"sheetData", "mergeCells"}),
        "sheetData": frozenset({"row"}),
        "row": frozenset({"c"}),
        "c": frozenset({"f", "v", "is"}),
        "is": frozenset({"t", "r"}),
        "r": frozenset({"t"}),
        "mergeCells": frozenset({"mergeCell"}),
    }
    TEXTS = frozenset({"f", "v", "t"})

    def __init__(self, values: Values, layouts: Layouts) -> None:
        super().__init__()
        self._values = values
        self._layouts = layouts
        self.row_number = 0
        self.hidden_rows = 0
        self.merged_ranges: list[str] = []

    def advance_to(self, number: int) -> None:
        """Go on to a row; rows that come twice or too late are in no real sheet."""
        if number <= self.row_number:
            raise Damaged(f"row {number} after row {self.row_number}")
        if number > MAX_ROWS:
            raise too_many_rows()
        self.row_number = number

    def start_row(self, attributes: Attributes) -> None:
        self._cells: list[tuple[int, Cell]] = []
        self._column = 0
        self._row_characters = 0
        self._hidden = is_true(attributes.get("hidden"))
        number = attributes.get("r")
        # Without it the row is the next one, or that which its first cell names.
        self._row_is_known = number is not None
        self._row_name = number or ""
        if number is not None:
            if not ROW_NUMBER.fullmatch(number):
                raise Damaged(f"the row number {number}")
            self.advance_to(int(number))

    def end_row(self) -> None:
        self._know_row(self.row_number + 1)
        if self._cells:
            self.hidden_rows += self._hidden
            row = self._layouts.row(self.row_number, self._cells, self._hidden)
            self.items.append(row)

    def start_c(self, attributes: Attributes) -> None:
        self._type = attributes.get("t", "n")
        self._style = attributes.get("s")
        self._pieces: dict[str, list[str]] = {}
        self._characters = 0
        self._place(attributes.get("r"))

    def end_c(self) -> None:
        try:
            cell = self._values.cell(
                self._type,
                self._style,
                self._piece("is" if self._type == "inlineStr" else "v"),
                self._piece("f"),
            )
        except Unreadable as fault:
            raise Unreadable(fault.problem, self._name_of_cell()) from fault
        if cell is not None:
            self._cells.append((self._column, cell))
            self._row_characters += self._characters
            if self._row_characters > MAX_ROW_CHARACTERS:
                raise self._row_too_long()

    def start_f(self, attributes: Attributes) -> None:
        self._begin("f")

    def start_v(self, attributes: Attributes) -> None:
        self._begin("v")

    def start_is(self, attributes: Attributes) -> None:
        self._begin("is")

    def text(self, data: str) -> None:
        self._characters += len(data)
        if self._characters > MAX_STORED_CHARACTERS:
            raise text_too_long(self._name_of_cell())
        self._current.append(data)

    def start_mergeCell(self, attributes: Attributes) -> None:
        if len(self.merged_ranges) >= MAX_MERGED_RANGES:
            raise Unreadable(
                _("the sheet has more than %(count)s merged ranges; it was not read.")
                % {"count": MAX_MERGED_RANGES}
            )
        merged = attributes.get("ref", "")
        if len(merged) > MAX_RANGE_CHARACTERS:
            raise Damaged("a merged range is too long")
        self.merged_ranges.append(merged)

    def _begin(self, name: str) -> None:
        if name in self._pieces:
            raise Damaged(f"two <{name}> in one cell")
        self._current = self._pieces[name] = []

    def _piece(self, name: str) -> str | None:
        pieces = self._pieces.get(name)
        return None if pieces is None else "".join(pieces)

    def _know_row(self, number: int) -> None:
        if not self._row_is_known:
            self.advance_to(number)
            self._row_is_known = True

    def _place(self, reference: str | None) -> None:
        if reference is None:
            self._know_row(self.row_number + 1)
            column = self._column + 1
        elif self._row_name and reference.endswith(self._row_name):
            letters = reference[: -len(self._row_name)]
            column = COLUMNS.get(letters) or self._column_of(reference)
        else:
            column = self._column_of(reference)
        if column <= self._column:
            raise Damaged(f"the cell {reference} out of order")
        if column > MAX_COLUMNS:
            raise too_many_columns()
        self._column = column

    def _column_of(self, reference: str) -> int:
        match = REFERENCE.fullmatch(reference)
        if match is None:
            raise Damaged(f"the cell {reference}")
        self._know_row(int(match[2]))
        if int(match[2]) != self.row_number:
            raise Damaged(f"the cell {reference} in row {self.row_number}")
        return column_index_from_string(match[1].upper())

    def _row_too_long(self) -> Unreadable:
        return Unreadable(
            _("row %(row)s has more than %(count)s characters; it was not read.")
            % {"row": self.row_number, "count": MAX_ROW_CHARACTERS}
        )

    def _name_of_cell(self) -> str:
        return f"{get_column_letter(self._column)}{self.row_number}"

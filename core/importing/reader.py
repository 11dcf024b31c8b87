"""Workbook to rows of cells; knows nothing of tables.

openpyxl reads the sheet twice side by side: once with the values that were stored
for formulas and once with the formulas, because a formula without a stored value
looks like a blank cell among the values alone.
"""

import itertools
import re
import warnings
from collections.abc import Generator, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from enum import Enum, auto
from pathlib import Path
from typing import Any, BinaryIO

import openpyxl
from defusedxml.common import DefusedXmlException
from django.core.exceptions import ImproperlyConfigured
from django.utils.translation import gettext as _
from openpyxl.utils.datetime import from_excel
from openpyxl.workbook.workbook import Workbook as OpenpyxlWorkbook

from core.importing.archive import damaged, open_archive
from core.importing.errors import ImportFailed, did_you_mean, shown

MAX_ROWS = 1_048_576
# Date and time formats that East Asian editions of Excel have built in, and that
# openpyxl takes for numbers.
CJK_DATE_FORMAT_IDS = {*range(27, 37), *range(50, 59)}
ZEROS_FORMAT = re.compile(r"0{2,}")
# How Excel stores the line break of a text that was pasted from Windows.
ESCAPED_LINE_BREAK = "_x000D_\n"


class CellKind(Enum):
    TEXT = auto()
    NUMBER = auto()
    BOOLEAN = auto()
    DATE = auto()
    ERROR = auto()
    FORMULA_WITHOUT_VALUE = auto()


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell with content. ``digits``: how many its format pads a number to."""

    kind: CellKind
    value: Any
    digits: int = 0


@dataclass(frozen=True, slots=True)
class Row:
    """A row as numbered in the sheet; ``cells`` by column from 1, none blank."""

    number: int
    cells: dict[int, Cell]


@dataclass(frozen=True)
class Sheet:
    """One sheet, to be read once. ``max_row`` is the file's claim, if any."""

    name: str
    max_row: int | None
    _path: Path
    _values: Any
    _formulas: Any

    def rows(self) -> Generator[Row]:
        """Yield every row, those without content included."""
        both = zip(
            self._values.iter_rows(),
            self._formulas.iter_rows(values_only=True),
            strict=True,
        )
        for number in itertools.count(1):
            with _openpyxl_reading(self._path):
                pair = next(both, None)
                row = None if pair is None else Row(number, _cells(*pair))
            if row is None:
                return
            if number > MAX_ROWS:
                raise damaged(self._path)
            yield row


class Workbook:
    def __init__(
        self, path: Path, values: OpenpyxlWorkbook, formulas: OpenpyxlWorkbook
    ) -> None:
        self._path = path
        self._values = values
        self._formulas = formulas

    def sheet(self, name: str | None = None) -> Sheet:
        """Give the sheet of that name, or the first that is not hidden."""
        found = self._by_name(name) if name is not None else self._first_visible()
        values: Any = self._values.worksheets[found]
        formulas: Any = self._formulas.worksheets[found]
        max_row = values.max_row
        for sheet in (values, formulas):
            # The size that the file claims may be wrong and would cut rows off.
            sheet.reset_dimensions()
        return Sheet(values.title, max_row, self._path, values, formulas)

    def _by_name(self, name: str) -> int:
        names = [sheet.title for sheet in self._values.worksheets]
        for spelling in (str, str.casefold):
            for index, known in enumerate(names):
                if spelling(known) == spelling(name):
                    return index
        parts = {
            "file": shown(self._path.name),
            "sheet": shown(name),
            "sheets": shown(", ".join(names)),
            "suggestion": shown(did_you_mean(name, names)),
        }
        if parts["suggestion"]:
            message = _(
                '%(file)s: there is no sheet "%(sheet)s"; did you mean '
                '"%(suggestion)s"? Sheets: %(sheets)s.'
            )
        else:
            message = _(
                '%(file)s: there is no sheet "%(sheet)s"; expected one of: %(sheets)s.'
            )
        raise ImportFailed(message % parts)

    def _first_visible(self) -> int:
        for index, sheet in enumerate(self._values.worksheets):
            if sheet.sheet_state == "visible":
                return index
        raise ImportFailed(
            _("%(file)s: the workbook has no visible sheet with cells.")
            % {"file": shown(self._path.name)}
        )


@contextmanager
def open_workbook(path: Path) -> Iterator[Workbook]:
    """Open an .xlsx file; raise ``ImportFailed`` in one sentence if it is none."""
    if not openpyxl.DEFUSEDXML:
        raise ImproperlyConfigured(
            "core.importing needs defusedxml: install it and do not set "
            "OPENPYXL_DEFUSEDXML=False."
        )
    with ExitStack() as stack:
        file = stack.enter_context(open_archive(path))
        stack.enter_context(_without_openpyxl_warnings())
        # One open file for both, so that they cannot see two different workbooks.
        values = _load(path, file, data_only=True)
        stack.callback(values.close)
        formulas = _load(path, file, data_only=False)
        stack.callback(formulas.close)
        yield Workbook(path, values, formulas)


def _load(path: Path, file: BinaryIO, *, data_only: bool) -> OpenpyxlWorkbook:
    with _openpyxl_reading(path):
        return openpyxl.load_workbook(
            file, read_only=True, data_only=data_only, keep_links=False
        )


@contextmanager
def _openpyxl_reading(path: Path) -> Iterator[None]:
    """Turn whatever a malformed file makes the parser raise into one sentence."""
    try:
        yield
    except MemoryError:
        raise
    except Exception as error:
        if isinstance(error, DefusedXmlException) or isinstance(
            error.__cause__, DefusedXmlException
        ):
            raise ImportFailed(
                _(
                    "%(file)s: the workbook declares XML entities, which real "
                    "workbooks do not; it was not read."
                )
                % {"file": shown(path.name)}
            ) from error
        raise damaged(path) from error


@contextmanager
def _without_openpyxl_warnings() -> Iterator[None]:
    """Silence remarks on what openpyxl would drop when it saved the workbook."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=UserWarning, module=r"openpyxl\.")
        yield


def _cells(cells: Iterable[Any], formulas: Iterable[Any]) -> dict[int, Cell]:
    pairs = enumerate(zip(cells, formulas, strict=True), start=1)
    return {
        column: found
        for column, (cell, formula) in pairs
        if (found := _cell(cell, formula)) is not None
    }


def _cell(cell: Any, formula: Any) -> Cell | None:
    value = cell.value
    if value is None:
        # A formula whose result is an empty text is stored with the type "str".
        if formula is None or cell.data_type == "str":
            return None
        return Cell(CellKind.FORMULA_WITHOUT_VALUE, str(formula))
    match cell.data_type:
        case "e":
            return Cell(CellKind.ERROR, str(value))
        case "b":
            return Cell(CellKind.BOOLEAN, bool(value))
        case "d":
            return Cell(CellKind.DATE, value)
        case "n":
            return _number(cell)
        case _:
            return _text(str(value))


def _text(value: str) -> Cell | None:
    if not value.strip():
        return None
    return Cell(CellKind.TEXT, value.replace(ESCAPED_LINE_BREAK, "\n"))


def _number(cell: Any) -> Cell:
    if cell.style_array.numFmtId in CJK_DATE_FORMAT_IDS:
        return _cjk_date(cell)
    zeros = ZEROS_FORMAT.fullmatch(cell.number_format)
    return Cell(CellKind.NUMBER, cell.value, digits=len(zeros[0]) if zeros else 0)


def _cjk_date(cell: Any) -> Cell:
    try:
        date = from_excel(cell.value, cell.parent.parent.epoch)
    except (OverflowError, ValueError):
        return Cell(CellKind.ERROR, "#VALUE!")
    return Cell(CellKind.DATE, date)

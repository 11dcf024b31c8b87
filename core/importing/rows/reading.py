"""The rows below the header, as texts for the database."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any, TypeAlias

from django.db import connections
from django.utils.functional import cached_property
from django.utils.translation import gettext as _

from core.importing.converting.cells import Parser
from core.importing.converting.fields import FieldConverter, database_text
from core.importing.converting.matching import batches
from core.importing.converting.relations import Relation, relation_for
from core.importing.errors import BadCell, Problem, Problems, Reason
from core.importing.headers import Column, Header
from core.importing.reading import Cell, Kind, Layout, Row
from core.importing.request import ImportRequest
from core.importing.rows.blanks import DEFAULT, blank_value, database_default
from core.importing.rows.links import Links
from core.importing.rows.written import Written
from core.importing.targets.fields import AnyField
from core.importing.targets.target import Target
from core.importing.targets.uniqueness import UniqueRule

ROWS_PER_BATCH = 500
# Files made by programs may give each row a layout of its own.
MOST_LAYOUTS = 1_000

# The row's number in the sheet, then the texts of the fields written.
StagedRow: TypeAlias = tuple[str | None, ...]


class RowReader(ABC):
    """Converts rows; what is wrong with them goes to ``problems``.

    A row with a problem is passed on as well, with NULL where a value is missing,
    because its other values may be in the way of other rows; unless faulty rows are
    skipped.
    """

    def __init__(
        self,
        target: Target,
        header: Header,
        written: Written,
        key: tuple[AnyField, ...],
        request: ImportRequest,
        problems: Problems,
    ) -> None:
        self.target = target
        self.header = header
        self.written = written
        self.key = key
        self.request = request
        self.problems = problems
        self.connection = connections[target.using]
        self.links = Links(written.relations)
        self.read = self.blank_rows = 0
        self.faulty_rows: set[int] = set()
        self._last_number = header.row
        self._unnamed: set[int] = set()
        self.layouts: dict[Layout, Any] = {}
        self._defaults: dict[AnyField, Any] = {}
        self._columns = {column.field: column for column in header.columns}
        self._columns |= {column.field: column for column, _text in header.constants}
        self.readers = {
            column.field: self._reader(column) for column in self._columns.values()
        }
        self.constants = self._read_constants()

    # Rules that apply to some rows only; whether they do follows the other texts.
    flags: tuple[UniqueRule, ...] = ()

    @abstractmethod
    def convert(self, rows: list[Row]) -> list[StagedRow]:
        """Convert some rows; every problem of theirs is reported."""

    @property
    def changed(self) -> tuple[AnyField, ...]:
        """The fields that are changed in rows of the table; known after reading."""
        return tuple(field for field in self.written.given if field not in self.key)

    def staged(self, rows: Iterable[Row]) -> Iterator[list[StagedRow]]:
        """Yield the rows in batches, until all are read or too much is wrong."""
        for batch in batches(self._wanted(rows), ROWS_PER_BATCH):
            self._prepare_relations(batch)
            yield self.convert(batch)
            if self.problems.is_full:
                return

    def report(self, row: int, field: AnyField, bad: BadCell) -> None:
        column = self._columns[field]
        self.faulty_rows.add(row)
        self.problems.add(
            Problem(bad.reason, bad.message, row, column.index or None, column.header)
        )

    def report_rule(
        self, row: int, reason: Reason, message: str, names: Iterable[str]
    ) -> None:
        """Report what is wrong with some fields together, at the first with a column."""
        by_name = {field.name: column for field, column in self._columns.items()}
        column = next((by_name[name] for name in names if name in by_name), None)
        self.faulty_rows.add(row)
        if column is None:
            self.problems.add(Problem(reason, message, row))
        else:
            self.problems.add(
                Problem(reason, message, row, column.index or None, column.header)
            )

    def is_left_out(self, row: int) -> bool:
        return self.request.skip_faulty and row in self.faulty_rows

    def layout(self, row: Row, compile_layout: Callable[[Layout], Any]) -> Any:
        """Give what is the same for all rows of this layout, made at the first one."""
        compiled = self.layouts.get(row.layout)
        if compiled is None:
            self._report_unnamed(row)
            if len(self.layouts) >= MOST_LAYOUTS:
                self.layouts.clear()
            compiled = self.layouts[row.layout] = compile_layout(row.layout)
        return compiled

    def blank(self, field: AnyField) -> Any:
        """Give the value that a blank cell means, or raise ``BadCell``."""
        if field in self.key:
            raise BadCell(Reason.BLANK, _("blank; expected a value of the key."))
        value = blank_value(field)
        if value is not DEFAULT:
            return value
        if field.has_db_default():
            return self._database_default(field)
        return field.get_default()

    def maker(self, field: AnyField) -> Callable[[], Any] | None:
        """Give the function that makes a value for each row, if there is one."""
        if field in self.constants:
            return None
        if field.name in self.target.options.values:
            return self.target.options.values[field.name]
        return field.get_default if callable(field.default) else None

    def constant_attributes(self) -> dict[str, Any]:
        return {
            field.attname: value
            for field, value in self.constants.items()
            if field.concrete and not field.many_to_many
        }

    def add_links(self, row: Row) -> None:
        cells = row.cells if self.written.relations else {}
        for field in self.written.relations:
            try:
                values = self._related(field, cells.get(self._columns[field].index))
            except BadCell as bad:
                self.report(row.number, field, bad)
            else:
                self.links.add(row.number, field, values)

    def _related(self, field: Any, cell: Cell | None) -> list[str]:
        relation = self.readers[field]
        assert isinstance(relation, Relation)  # noqa: S101
        if field in self.constants:
            keys = self.constants[field]
        elif cell is None:
            keys = self.blank(field)
        else:
            keys = relation.parser(cell.kind, cell.digits)(cell.text)
        texts = (database_text(relation.stored, key, self.connection) for key in keys)
        return [text for text in texts if text is not None]

    def _database_default(self, field: AnyField) -> Any:
        if field not in self._defaults:
            self._defaults[field] = database_default(field, self.connection)
        return self._defaults[field]

    def _wanted(self, rows: Iterable[Row]) -> Iterator[Row]:
        """Count, and drop what the request does not want."""
        for row in islice(rows, self.request.stop_after):
            # Blank rows do not come; those below the last one do not count.
            self.blank_rows += row.number - self._last_number - 1
            self._last_number = row.number
            if row.hidden and self.request.skip_hidden:
                continue
            self.read += 1
            yield row

    def _report_unnamed(self, row: Row) -> None:
        if self.request.ignore_extra_columns:
            return
        unnamed = set(row.layout.columns) - self.header.named - self._unnamed
        for index in sorted(unnamed):
            here = Problem(Reason.BLANK_HEADER, "", row.number, index)
            message = _("blank header above data in %(cell)s.") % {"cell": here.cell}
            self.problems.add(
                Problem(Reason.BLANK_HEADER, message, self.header.row, index)
            )
        self._unnamed |= unnamed

    def _reader(self, column: Column) -> FieldConverter | Relation:
        if column.lookup is None:
            return FieldConverter(column.field, self.connection)
        relation = relation_for(column.field, column.lookup, self.target.using)
        assert relation is not None  # noqa: S101 (only relations have a lookup)
        return relation

    @cached_property
    def _relations(self) -> dict[int, Relation]:
        return {
            column.index: reader
            for column in self.header.columns
            if isinstance(reader := self.readers[column.field], Relation)
        }

    def _prepare_relations(self, rows: list[Row]) -> None:
        if not self._relations:
            return
        for index, relation in self._relations.items():
            relation.prepare(
                Cell(row.layout.kinds[at], row.texts[at], row.layout.digits[at])
                for row in rows
                if index in row.layout.columns
                for at in [row.layout.columns.index(index)]
            )

    def _read_constants(self) -> dict[AnyField, Any]:
        return {
            column.field: self._read_constant(column, text)
            for column, text in self.header.constants
        }

    def _read_constant(self, column: Column, text: str) -> Any:
        reader = self.readers[column.field]
        if isinstance(reader, Relation):
            reader.prepare([Cell(Kind.TEXT, text)])
        parse: Parser = reader.parser(Kind.TEXT)
        try:
            return parse(text)
        except BadCell as bad:
            raise self.problems.failure(f"{column.header}: {bad.message}") from None

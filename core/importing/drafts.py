"""Rows of cells to instances that are not saved yet."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from django.db import connections
from django.db.models import ManyToManyField, Model
from django.utils.translation import gettext as _

from core.importing.converters import Converter, converter_for
from core.importing.errors import BadCell, Problem, Problems, Reason
from core.importing.fields import AnyField
from core.importing.headers import Column
from core.importing.reader import Cell, Row
from core.importing.relations import Relation, batches, relation_converter
from core.importing.targets import Target

ROWS_PER_BATCH = 500
# Stands for "leave what the model gives".
DEFAULT: Final = object()


@dataclass(frozen=True, slots=True)
class Draft:
    """An instance to be, with the row it comes from.

    ``related`` maps many-to-many fields to the keys of their rows; ``faulty`` names
    the fields that have no valid value, which no further rule should judge.
    """

    row: int
    instance: Model
    related: dict[str, list[Any]]
    faulty: frozenset[str]


class Drafter:
    """Converts the rows below the header; ``blank_rows`` counts those skipped."""

    def __init__(
        self, target: Target, header: Row, columns: list[Column], problems: Problems
    ) -> None:
        self._target = target
        self._header = header
        self._columns = columns
        self._problems = problems
        self._relations: dict[int, Relation] = {}
        self._converters = {column.index: self._converter(column) for column in columns}
        present = {column.field.name for column in columns}
        self._computed = {
            name: make
            for name, make in target.options.values.items()
            if name not in present
        }
        self._missing = {
            field.name
            for field in target.required_fields()
            if field.name not in present
        }
        self._reported_unnamed: set[int] = set()
        self.blank_rows = 0

    def drafts(self, rows: Iterable[Row]) -> Iterator[Draft]:
        for batch in batches(self._with_content(rows), ROWS_PER_BATCH):
            for index, relation in self._relations.items():
                relation.prepare(
                    row.cells[index] for row in batch if index in row.cells
                )
            for row in batch:
                if self._problems.is_full:
                    return
                self._report_unnamed(row)
                yield self._draft(row)

    def _converter(self, column: Column) -> Converter:
        relation = relation_converter(column, self._target.using)
        if relation is None:
            return converter_for(column.field, connections[self._target.using])
        self._relations[column.index] = relation
        return relation

    def _with_content(self, rows: Iterable[Row]) -> Iterator[Row]:
        """Drop blank rows; those below the last row with content do not count."""
        blank = 0
        for row in rows:
            if row.cells:
                self.blank_rows += blank
                blank = 0
                yield row
            else:
                blank += 1

    def _report_unnamed(self, row: Row) -> None:
        unnamed = row.cells.keys() - self._header.cells.keys() - self._reported_unnamed
        for index in sorted(unnamed):
            here = Problem(Reason.BLANK_HEADER, "", row.number, index)
            message = _("blank header above data in %(cell)s.") % {"cell": here.cell}
            self._problems.add(
                Problem(Reason.BLANK_HEADER, message, self._header.number, index)
            )
        self._reported_unnamed |= unnamed

    def _draft(self, row: Row) -> Draft:
        values: dict[str, Any] = {name: make() for name, make in self._computed.items()}
        related: dict[str, list[Any]] = {}
        faulty = set(self._missing)
        for column in self._columns:
            try:
                value = self._value(column, row.cells.get(column.index))
            except BadCell as bad:
                self._problems.add(
                    Problem(
                        bad.reason, bad.message, row.number, column.index, column.header
                    )
                )
                faulty.add(column.field.name)
                continue
            if isinstance(column.field, ManyToManyField):
                related[column.field.name] = value
            elif value is not DEFAULT:
                values[column.field.attname] = value
        instance = self._target.model(**values)
        return Draft(row.number, instance, related, frozenset(faulty))

    def _value(self, column: Column, cell: Cell | None) -> Any:
        if cell is None:
            return blank_value(column.field)
        return self._converters[column.index](cell)


def blank_value(field: AnyField) -> Any:
    """Give what a blank cell means: nothing, NULL, empty text or the default."""
    if isinstance(field, ManyToManyField):
        if field.blank:
            return []
    elif field.null:
        return None
    elif field.choices and field.has_default():
        return DEFAULT
    elif field.blank and field.empty_strings_allowed:
        return ""
    elif field.has_default() or field.has_db_default() or field.db_returning:
        return DEFAULT
    raise BadCell(Reason.BLANK, _("blank; expected a value."))

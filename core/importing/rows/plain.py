"""Rows of models without code that looks at rows: from text to text."""

from collections.abc import Callable
from functools import cached_property
from typing import NoReturn

from core.importing.converting.cells import Converter
from core.importing.converting.fields import database_text
from core.importing.errors import BadCell
from core.importing.headers import Column
from core.importing.reading import Layout, Row
from core.importing.rows.reading import RowReader, StagedRow
from core.importing.targets.fields import AnyField

# A converter with the place of its text in the row.
Step = tuple[Converter, int]
Texts = tuple[str | None, ...]


class PlainRowReader(RowReader):
    """Each value is converted by itself; only a faulty row is looked at twice."""

    def convert(self, rows: list[Row]) -> list[StagedRow]:
        staged: list[StagedRow] = []
        tail, layouts = self._tail, self.layouts
        has_links = bool(self.written.relations)
        for row in rows:
            number, layout, texts, _hidden = row
            steps = layouts.get(layout) or self.layout(row, self._steps)
            try:
                values = [convert(texts[at]) for convert, at in steps]
            except BadCell:
                values = self._examined(row, steps)
            if has_links:
                self.add_links(row)
            if not (self.faulty_rows and self.is_left_out(number)):
                staged.append((str(number), *values, *tail()))
        return staged

    @cached_property
    def _sheet_columns(self) -> list[Column]:
        return [column for column in self.header.columns if column.field.concrete]

    def _steps(self, layout: Layout) -> list[Step]:
        return [self._step(column, layout) for column in self._sheet_columns]

    def _step(self, column: Column, layout: Layout) -> Step:
        if column.index not in layout.columns:
            return self._blank_converter(column.field), 0
        at = layout.columns.index(column.index)
        reader = self.readers[column.field]
        return reader.converter(layout.kinds[at], layout.digits[at]), at

    def _blank_converter(self, field: AnyField) -> Converter:
        try:
            self.blank(field)
        except BadCell as bad:
            return _raising(bad)
        return lambda _text: database_text(field, self.blank(field), self.connection)

    def _examined(self, row: Row, steps: list[Step]) -> list[str | None]:
        """Report every bad cell of the row."""
        values: list[str | None] = []
        for column, (convert, at) in zip(self._sheet_columns, steps, strict=True):
            try:
                values.append(convert(row.texts[at]))
            except BadCell as bad:
                self.report(row.number, column.field, bad)
                values.append(None)
        return values

    @cached_property
    def _tail(self) -> Callable[[], Texts]:
        """Give what makes the texts of fields that have no column."""
        blank = self.target.model(**self.constant_attributes())
        makers = []
        is_constant = True
        for field in self.written.fields[len(self._sheet_columns) :]:
            make = self.maker(field)
            is_constant = is_constant and make is None
            value = field.pre_save(blank, True)
            text = database_text(field, value, self.connection)
            makers.append(self._making(field, make, text))
        if is_constant:
            constants = tuple(make() for make in makers)
            return lambda: constants
        return lambda: tuple(make() for make in makers)

    def _making(
        self, field: AnyField, make: Callable[[], object] | None, text: str | None
    ) -> Callable[[], str | None]:
        if make is None:
            return lambda: text
        return lambda: database_text(field, make(), self.connection)


def _raising(bad: BadCell) -> Converter:
    def refuse(_text: str) -> NoReturn:
        raise bad

    return refuse

"""Rows of models whose own code completes or judges a row.

``clean()``, check constraints and what fields do before they are saved see an
instance, as they do when a form saves it: a new one, or the one that the table has.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.db.models import Model
from django.utils.functional import cached_property

from core.importing.converting.cells import Parser
from core.importing.converting.fields import database_text
from core.importing.converting.matching import Values, matching_rows
from core.importing.errors import BadCell
from core.importing.reading import Layout, Row
from core.importing.rows.reading import RowReader, StagedRow
from core.importing.rows.rules import Draft, RowRules
from core.importing.targets.fields import AnyField
from core.importing.targets.uniqueness import UniqueRule

Step = tuple[AnyField, Parser, int]


@dataclass(frozen=True, slots=True)
class ParsedRow:
    number: int
    values: dict[AnyField, Any]
    faulty: frozenset[str]


class InstanceRowReader(RowReader):
    """Fields that the model's code changes in rows of the table are changed as well."""

    @property
    def changed(self) -> tuple[AnyField, ...]:
        own = self._changed_by_rules
        return (*super().changed, *(f for f in self.written.fields if f in own))

    @cached_property
    def flags(self) -> tuple[UniqueRule, ...]:  # type: ignore[override]
        return tuple(rule for rule in self.target.unique_rules if rule.applies)

    def convert(self, rows: list[Row]) -> list[StagedRow]:
        staged: list[StagedRow] = []
        parsed_rows = [self._parsed(row) for row in rows]
        existing = self._existing(parsed_rows)
        for row, parsed in zip(rows, parsed_rows, strict=True):
            self.add_links(row)
            texts = self._texts(parsed, existing.get(self._key_values(parsed)))
            if not self.is_left_out(row.number):
                staged.append((str(row.number), *texts))
        return staged

    @cached_property
    def _changed_by_rules(self) -> set[AnyField]:
        return set()

    @cached_property
    def _rules(self) -> RowRules:
        return RowRules(self.target.model, self.report_rule)

    @cached_property
    def _missing(self) -> frozenset[str]:
        present = {field.name for field in self.header.fields}
        required = {field.name for field in self.target.required_fields()}
        return frozenset(required - present)

    def _parsed(self, row: Row) -> ParsedRow:
        values: dict[AnyField, Any] = {}
        faulty = set()
        for field, parse, at in self.layout(row, self._steps):
            try:
                values[field] = parse(row.texts[at])
            except BadCell as bad:
                self.report(row.number, field, bad)
                faulty.add(field.name)
        return ParsedRow(row.number, values, frozenset(faulty))

    def _steps(self, layout: Layout) -> list[Step]:
        steps: list[Step] = []
        for column in self.header.columns:
            field = column.field
            if field.many_to_many:
                continue
            if column.index in layout.columns:
                at = layout.columns.index(column.index)
                parse = self.readers[field].parser(layout.kinds[at], layout.digits[at])
                steps.append((field, parse, at))
            else:
                steps.append((field, self._blank_parser(field), 0))
        return steps

    def _blank_parser(self, field: AnyField) -> Parser:
        return lambda _text: self.blank(field)

    def _existing(self, rows: list[ParsedRow]) -> dict[Values, Model]:
        """Read the rows of the table that will be changed."""
        if not self.request.mode.changes_rows:
            return {}
        wanted = dict.fromkeys(self._key_values(row) for row in rows)
        complete = [values for values in wanted if None not in values]
        table = self.target.model._base_manager.using(self.target.using)
        return matching_rows(table, tuple(field.name for field in self.key), complete)

    def _key_values(self, row: ParsedRow) -> Values:
        return tuple(
            row.values.get(field, self.constants.get(field)) for field in self.key
        )

    def _texts(self, row: ParsedRow, existing: Model | None) -> Iterator[str | None]:
        instance = existing or self._new_instance()
        for field, value in (*self.constants.items(), *row.values.items()):
            if not field.many_to_many:
                setattr(instance, field.attname, value)
        before = dict(vars(instance))
        missing = frozenset() if existing else self._missing
        draft = Draft(row.number, instance, row.faulty | missing)
        self._rules.check(draft)
        if draft.faulty or row.number in self.faulty_rows:
            texts = [self._text_if_valid(draft, field) for field in self.written.fields]
        else:
            texts = [
                self._text(field, field.pre_save(instance, existing is None))
                for field in self.written.fields
            ]
        if existing is not None:
            self._note_changes(instance, before)
        flags = [
            "1" if rule.applies and rule.applies(instance) else None
            for rule in self.flags
        ]
        return iter([*texts, *flags])

    def _new_instance(self) -> Model:
        computed = {
            name: make()
            for name, make in self.target.options.values.items()
            if name not in {field.name for field in self.header.fields}
        }
        return self.target.model(**computed)

    def _text(self, field: AnyField, value: Any) -> str | None:
        return database_text(field, value, self.connection)

    def _text_if_valid(self, draft: Draft, field: AnyField) -> str | None:
        if field.name in draft.faulty:
            return None
        return self._text(field, getattr(draft.instance, field.attname))

    def _note_changes(self, instance: Model, before: dict[str, Any]) -> None:
        for field in self.written.fields:
            if field in self.written.given or field in self.written.touched:
                continue
            if getattr(instance, field.attname) != before.get(field.attname):
                self._changed_by_rules.add(field)

"""A preview as its page shows it: faults at their cells, changes by their labels."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.contrib.admin.utils import display_for_field
from django.db.models import ForeignKey

from core.importing.errors import Problem, column_letter, shown
from core.importing.preview import Change, Preview, PreviewRow
from core.importing.targets.fields import AnyField
from core.importing.targets.target import Target

EXAMPLES_PER_GROUP = 5
NOTHING = "–"


@dataclass(frozen=True)
class ShownCell:
    text: str
    fault: str


@dataclass(frozen=True)
class ShownRow:
    number: int
    cells: list[ShownCell]
    faults: list[str]


@dataclass
class Group:
    """Problems of one kind in one column, of which some are shown."""

    reason: str
    header: str
    count: int
    examples: list[Problem]

    @property
    def others(self) -> int:
        return self.count - len(self.examples)


@dataclass(frozen=True)
class ShownChange:
    row: int
    fields: list[tuple[str, str, str]]


class PreviewPage:
    def __init__(self, preview: Preview, target: Target) -> None:
        self.preview = preview
        self._fields = {field.name: field for field in target.open_fields}
        self._target = target

    def rows(self) -> list[ShownRow]:
        return [self._row(row) for row in self.preview.rows]

    def groups(self) -> list[Group]:
        groups: dict[tuple[str, str], Group] = {}
        for problem in self.preview.problems:
            key = (problem.reason, problem.header)
            group = groups.setdefault(
                key, Group(str(problem.reason.label), problem.header, 0, [])
            )
            group.count += 1
            if len(group.examples) < EXAMPLES_PER_GROUP:
                group.examples.append(problem)
        return sorted(groups.values(), key=lambda group: -group.count)

    def changes(self) -> list[ShownChange]:
        return [self._change(change) for change in self.preview.changes]

    def _row(self, row: PreviewRow) -> ShownRow:
        faults = {
            column_letter(problem.column or 0): problem.message
            for problem in reversed(row.problems)
        }
        letters = [column.letter for column in self.preview.columns]
        cells = [
            ShownCell(shown(cell.text) if cell else "", faults.get(letter, ""))
            for letter, cell in zip(letters, row.cells, strict=True)
        ]
        of_row = [p.message for p in row.problems if p.column is None]
        return ShownRow(row.number, cells, of_row)

    def _change(self, change: Change) -> ShownChange:
        return ShownChange(change.row, list(self._changed(change)))

    def _changed(self, change: Change) -> Iterator[tuple[str, str, str]]:
        for name, (old, new) in change.values.items():
            field = self._fields.get(name)
            if field is not None:
                label = str(field.verbose_name)
                yield label, self._display(field, old), self._display(field, new)

    def _display(self, field: AnyField, value: Any) -> str:
        if isinstance(field, ForeignKey):
            value = self._related_names[field.name].get(value, value)
            return shown(str(value)) if value is not None else NOTHING
        display: Any = display_for_field(value, field, NOTHING)
        return shown(display) if isinstance(value, str) else display

    @cached_property
    def _related_names(self) -> dict[str, dict[Any, Any]]:
        """Map the stored values of relations to natural keys, one query for each."""
        changed: dict[str, set[Any]] = {}
        for change in self.preview.changes:
            for name, values in change.values.items():
                changed.setdefault(name, set()).update(values)
        relations = [
            field
            for name, field in self._fields.items()
            if name in changed and isinstance(field, ForeignKey)
        ]
        return {f.name: self._names_of(f, changed[f.name]) for f in relations}

    def _names_of(self, field: Any, stored: Iterable[Any]) -> dict[Any, Any]:
        rows = field.related_model._base_manager.using(self._target.using)
        key = field.target_field.attname
        found = rows.filter(**{f"{key}__in": stored})
        return dict(found.values_list(key, self._target.lookup(field).attname))

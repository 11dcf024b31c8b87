"""Values that must come once: within the file, and against the table.

The unique indexes of the database decide when the rows are written. These checks
run before, with a bounded number of queries, to name every cell concerned.
"""

import unicodedata
from collections.abc import Hashable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import CharField, Model, Q, TextField, UniqueConstraint
from django.utils.translation import gettext as _

from core.importing.conditions import Condition, NotJudgeable, compiled
from core.importing.drafts import Draft
from core.importing.errors import Problems, Reason, quoted
from core.importing.fields import AnyField
from core.importing.relations import batches
from core.importing.rules import Places
from core.importing.targets import Target

KEYS_PER_QUERY = 500
COMBINATIONS_PER_QUERY = 100
COLLATION_OF_COLUMN = """
SELECT collation_name FROM information_schema.columns
WHERE table_schema = DATABASE() AND table_name = %s AND column_name = %s
"""

Values = tuple[Any, ...]
Key = tuple[Hashable, ...]
First = tuple[int, Values]


@dataclass(frozen=True)
class _Rule:
    fields: tuple[AnyField, ...]
    condition: Q = Q()
    applies: Condition | None = None

    @property
    def names(self) -> list[str]:
        return [field.name for field in self.fields]

    def values(self, draft: Draft) -> Values | None:
        """Give the values to compare, or None if the rule does not concern the row."""
        if not draft.faulty.isdisjoint(self.names):
            return None
        if self.applies is not None and not self.applies(draft.instance):
            return None
        values = tuple(getattr(draft.instance, field.attname) for field in self.fields)
        # NULL equals nothing, and an expression is yet to be computed.
        if any(value is None or hasattr(value, "as_sql") for value in values):
            return None
        return values

    def key(self, values: Values, loose: list[bool]) -> Key:
        return tuple(
            _loose(value) if is_loose and isinstance(value, str) else value
            for value, is_loose in zip(values, loose, strict=True)
        )

    def described(self, values: Values) -> str:
        return ", ".join(quoted(value) for value in values)


class Uniqueness:
    def __init__(self, target: Target, places: Places, problems: Problems) -> None:
        self._target = target
        self._places = places
        self._problems = problems
        self._connection = connections[target.using]

    def check(self, drafts: list[Draft]) -> None:
        for rule in _rules(self._target.model):
            loose = [ignores_case(self._connection, field) for field in rule.fields]
            firsts = self._first_rows(rule, loose, drafts)
            for key in self._existing(rule, loose, firsts):
                self._report_existing(rule, *firsts[key])

    def _first_rows(
        self, rule: _Rule, loose: list[bool], drafts: list[Draft]
    ) -> dict[Key, First]:
        """Map each key to where it comes first; report where it comes again."""
        firsts: dict[Key, First] = {}
        for draft in drafts:
            if (values := rule.values(draft)) is None:
                continue
            row, _first = firsts.setdefault(
                rule.key(values, loose), (draft.row, values)
            )
            if row != draft.row:
                self._report_twice(rule, values, draft.row, row)
        return firsts

    def _existing(
        self, rule: _Rule, loose: list[bool], firsts: dict[Key, First]
    ) -> list[Key]:
        """List the keys that the table has, in the order of the sheet."""
        rows = self._target.model._base_manager.using(self._target.using)
        columns = [field.attname for field in rule.fields]
        all_values = [values for _row, values in firsts.values()]
        existing = {
            rule.key(found, loose)
            for wanted in _lookups(rule, all_values)
            for found in rows.filter(rule.condition, wanted).values_list(*columns)
        }
        return [key for key in firsts if key in existing]

    def _report_twice(
        self, rule: _Rule, values: Values, row: int, first_row: int
    ) -> None:
        first = self._places.problem(Reason.TWICE_IN_FILE, "", first_row, rule.names)
        message = _("%(value)s is already in %(place)s.") % {
            "value": rule.described(values),
            "place": first.place,
        }
        self._problems.add(
            self._places.problem(Reason.TWICE_IN_FILE, message, row, rule.names)
        )

    def _report_existing(self, rule: _Rule, row: int, values: Values) -> None:
        message = _("%(value)s is already in the table %(table)s.") % {
            "value": rule.described(values),
            "table": self._target.table,
        }
        self._problems.add(
            self._places.problem(Reason.IN_TABLE, message, row, rule.names)
        )


def _rules(model: type[Model]) -> Iterator[_Rule]:
    meta = (model._meta.concrete_model or model)._meta
    for field in meta.concrete_fields:
        if field.unique:
            yield _Rule((field,))
    for names in meta.unique_together:
        yield _Rule(_named(meta.concrete_fields, names))
    for constraint in meta.constraints:
        if not isinstance(constraint, UniqueConstraint) or not constraint.fields:
            continue
        # NULL values that equal each other are left to the database.
        if constraint.nulls_distinct is False:
            continue
        fields = _named(meta.concrete_fields, constraint.fields)
        if constraint.condition is None:
            yield _Rule(fields)
            continue
        try:
            applies = compiled(constraint.condition, meta.model)
        except NotJudgeable:
            continue
        yield _Rule(fields, constraint.condition, applies)


def _named(fields: Iterable[AnyField], names: Iterable[str]) -> tuple[AnyField, ...]:
    by_name = {field.name: field for field in fields}
    return tuple(by_name[name] for name in names)


def _lookups(rule: _Rule, all_values: list[Values]) -> Iterator[Q]:
    if len(rule.fields) == 1:
        (name,) = rule.names
        for batch in batches(all_values, KEYS_PER_QUERY):
            yield Q(**{f"{name}__in": [value for (value,) in batch]})
        return
    for batch in batches(all_values, COMBINATIONS_PER_QUERY):
        yield Q.create(
            [Q(**dict(zip(rule.names, values, strict=True))) for values in batch],
            connector=Q.OR,
        )


def ignores_case(connection: BaseDatabaseWrapper, field: AnyField) -> bool:
    """Tell whether the column's collation takes ``Sport`` and ``sport`` for one."""
    if not isinstance(field, CharField | TextField):
        return False
    if connection.vendor == "sqlite":
        return (field.db_parameters(connection).get("collation") or "") == "NOCASE"
    if connection.vendor != "mysql":
        return False
    with connection.cursor() as cursor:
        cursor.execute(COLLATION_OF_COLUMN, [field.model._meta.db_table, field.column])
        row = cursor.fetchone()
    return bool(row and row[0] and row[0].endswith("_ci"))


def _loose(text: str) -> str:
    """Approximate what case-insensitive collations compare: no case, no accents."""
    letters = unicodedata.normalize("NFD", text.rstrip()).casefold()
    return "".join(letter for letter in letters if not unicodedata.combining(letter))

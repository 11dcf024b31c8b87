"""Values that must come once: the unique rules of a model."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from django.db.models import Model, Q, UniqueConstraint

from core.importing.targets.conditions import Condition, NotJudgeable, compiled
from core.importing.targets.fields import AnyField, is_invented


@dataclass(frozen=True)
class UniqueRule:
    """Fields whose values together come once, among the rows it applies to."""

    fields: tuple[AnyField, ...]
    condition: Q | None = None
    applies: Condition | None = None

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(field.name for field in self.fields)


def unique_rules(model: type[Model]) -> list[UniqueRule]:
    """List the rules that can be judged before the rows are written.

    The others are left to the database, which then refuses all rows.
    """
    return list(_rules(model))


def _rules(model: type[Model]) -> Iterator[UniqueRule]:
    meta = (model._meta.concrete_model or model)._meta
    fields = [field for field in meta.concrete_fields if not is_invented(field)]
    for field in fields:
        if field.unique:
            yield UniqueRule((field,))
    for names in meta.unique_together:
        yield UniqueRule(_named(fields, names))
    for constraint in meta.constraints:
        if not isinstance(constraint, UniqueConstraint) or not constraint.fields:
            continue
        # NULL values that equal each other are left to the database.
        if constraint.nulls_distinct is False:
            continue
        named = _named(fields, constraint.fields)
        if constraint.condition is None:
            yield UniqueRule(named)
            continue
        try:
            applies = compiled(constraint.condition, meta.model)
        except NotJudgeable:
            continue
        yield UniqueRule(named, constraint.condition, applies)


def _named(fields: Iterable[AnyField], names: Iterable[str]) -> tuple[AnyField, ...]:
    by_name = {field.name: field for field in fields}
    return tuple(by_name[name] for name in names)

"""Check constraints judged in Python, so that a row's fault is found without query.

Only what Python and every database judge alike is judged here: comparisons of a
column with constants or other columns, joined by AND, OR, XOR and NOT, with the
three values of SQL (None is "unknown"). The database keeps the rest.
"""

from collections.abc import Callable
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import F, Model, Q, Value

from core.importing.targets.fields import AnyField

Judgement = bool | None
Condition = Callable[[Model], Judgement]
Operand = Callable[[Model], Any]


class NotJudgeable(Exception):
    """The condition uses something that only the database can judge."""


def compiled(condition: Q, model: type[Model]) -> Condition:
    """Make a function of an instance; raise ``NotJudgeable`` if that cannot be."""
    parts = [_compiled_child(child, model) for child in condition.children]
    join = {Q.AND: _all, Q.OR: _any, Q.XOR: _odd}[condition.connector]

    def judge(instance: Model) -> Judgement:
        judgement = join([part(instance) for part in parts])
        if condition.negated and judgement is not None:
            return not judgement
        return judgement

    return judge


def fields_of(condition: Q, model: type[Model]) -> set[str]:
    """Name the fields that a condition looks at."""
    return {_field(name, model).name for name in condition.referenced_base_fields}


def _compiled_child(child: Any, model: type[Model]) -> Condition:
    if isinstance(child, Q):
        return compiled(child, model)
    if not isinstance(child, tuple):
        raise NotJudgeable
    path, right = child
    name, _, lookup = path.partition("__")
    field = _field(name, model)
    return _comparison(field, lookup or "exact", right, model)


def _comparison(
    field: AnyField, lookup: str, right: Any, model: type[Model]
) -> Condition:
    if lookup == "isnull" or (lookup == "exact" and right is None):
        is_null = right is None or bool(right)
        return lambda instance: (getattr(instance, field.attname) is None) is is_null
    compare = _OPERATIONS.get(lookup)
    if compare is None:
        raise NotJudgeable
    operands = [_operand(part, field, model) for part in _parts(lookup, right)]

    def judge(instance: Model) -> Judgement:
        left = getattr(instance, field.attname)
        values = [operand(instance) for operand in operands]
        if left is None or None in values:
            return None
        if isinstance(left, str) and lookup in _ORDERED:
            return None  # the order of texts is the collation's
        return bool(compare(left, values))

    return judge


def _parts(lookup: str, right: Any) -> list[Any]:
    return list(right) if lookup in {"in", "range"} else [right]


def _operand(part: Any, field: AnyField, model: type[Model]) -> Operand:
    if isinstance(part, F):
        attname = _field(part.name, model).attname  # type: ignore[attr-defined]
        return lambda instance: getattr(instance, attname)
    if isinstance(part, Value):
        part = part.value
    if hasattr(part, "resolve_expression"):
        raise NotJudgeable
    try:
        constant = field.to_python(part)
    except ValidationError:
        raise NotJudgeable from None
    return lambda instance: constant


def _field(name: str, model: type[Model]) -> AnyField:
    if name == "pk":
        return model._meta.pk
    for field in model._meta.concrete_fields:
        if name in {field.name, field.attname}:
            return field
    raise NotJudgeable


def _all(parts: list[Judgement]) -> Judgement:
    if False in parts:
        return False
    return None if None in parts else True


def _any(parts: list[Judgement]) -> Judgement:
    if True in parts:
        return True
    return None if None in parts else False


def _odd(parts: list[Judgement]) -> Judgement:
    return None if None in parts else parts.count(True) % 2 == 1


_ORDERED = {"gt", "gte", "lt", "lte", "range"}
_OPERATIONS: dict[str, Callable[[Any, list[Any]], bool]] = {
    "exact": lambda left, values: left == values[0],
    "in": lambda left, values: left in values,
    "gt": lambda left, values: left > values[0],
    "gte": lambda left, values: left >= values[0],
    "lt": lambda left, values: left < values[0],
    "lte": lambda left, values: left <= values[0],
    "range": lambda left, values: values[0] <= left <= values[1],
    "startswith": lambda left, values: str(left).startswith(str(values[0])),
    "endswith": lambda left, values: str(left).endswith(str(values[0])),
    "contains": lambda left, values: str(values[0]) in str(left),
}

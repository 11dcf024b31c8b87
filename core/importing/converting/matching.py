"""Which rows of a table are meant by some values, as the database compares them."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, TypeVar

from django.db.models import BooleanField, ExpressionWrapper, Model, Q, QuerySet

KEYS_PER_QUERY = 500
COMBINATIONS_PER_QUERY = 100

Item = TypeVar("Item")
Values = tuple[Any, ...]


def matching_rows(
    rows: QuerySet[Any], names: tuple[str, ...], wanted: Iterable[Values]
) -> dict[Values, Model]:
    """Map the values wanted to the row that has them; those of no row are missing.

    The column's own collation decides: where it takes ``sport`` and ``Sport`` for
    one, both mean the row that has either.
    """
    size = KEYS_PER_QUERY if len(names) == 1 else COMBINATIONS_PER_QUERY
    found: dict[Values, Model] = {}
    for batch in batches(wanted, size):
        found |= _matching(rows, names, batch)
    return found


def _matching(
    rows: QuerySet[Any], names: tuple[str, ...], wanted: list[Values]
) -> dict[Values, Model]:
    found: dict[Values, Model] = {}
    candidates = list(rows.filter(_any_of(names, wanted)))
    for row in candidates:
        found[tuple(_value(row, name) for name in names)] = row
    others = [values for values in wanted if values not in found]
    if candidates and others:
        # They may be equal to the database though they are spelt differently.
        candidates = list(rows.filter(_any_of(names, others)))
        if candidates:
            found |= _compared(rows, names, others, candidates)
    return found


def _compared(
    rows: QuerySet[Any],
    names: tuple[str, ...],
    wanted: list[Values],
    candidates: list[Any],
) -> dict[Values, Model]:
    """Let the database compare each value with each of the rows."""
    comparisons = {
        f"is_match_{number}": ExpressionWrapper(
            _equal(names, values), output_field=BooleanField()
        )
        for number, values in enumerate(wanted)
    }
    by_pk = {row.pk: row for row in candidates}
    compared = rows.filter(pk__in=list(by_pk)).annotate(**comparisons)
    return {
        values: by_pk[pk]
        for pk, *matches in compared.values_list("pk", *comparisons)
        for values, is_match in zip(wanted, matches, strict=True)
        if is_match
    }


def _any_of(names: tuple[str, ...], wanted: list[Values]) -> Q:
    if len(names) == 1:
        return Q(**{f"{names[0]}__in": [value for (value,) in wanted]})
    return Q.create([_equal(names, values) for values in wanted], connector=Q.OR)


def _equal(names: tuple[str, ...], values: Values) -> Q:
    return Q(**dict(zip(names, values, strict=True)))


def _value(row: Model, name: str) -> Any:
    field: Any = row._meta.get_field(name)
    return getattr(row, field.attname)


def batches(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    iterator = iter(items)
    while batch := list(islice(iterator, size)):
        yield batch

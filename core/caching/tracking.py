"""Models whose changes void cached values: every process must know the same ones.

A reader in one process is only right if the writer in another one notices. So a
model is tracked by code that every process imports (``AppConfig.ready``), and a
value whose tag names an untracked model is refused at its first read.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from django.apps import apps
from django.core.exceptions import FieldDoesNotExist, ImproperlyConfigured
from django.db.models import Field, Model

from core.caching.statements import Change
from core.caching.tags import changed_rows, labels_of


@dataclass(frozen=True)
class Key:
    """A column with keys of a tracked model: its own, or a relation's to it."""

    label: str
    column: str
    to_python: Callable[[Any], Any]
    is_generated: bool = False


@dataclass
class Table:
    """What is changed by a row written to a table; ``only``: see ``track``."""

    keys: list[Key] = field(default_factory=list)
    only: frozenset[str] = frozenset()


# More rows than this count as the whole table: a stamp each would cost more.
MOST_ROWS = 100

_tracked: dict[str, frozenset[str]] = {}


def track(*models: type[Model] | str, only: Iterable[str] = ()) -> None:
    """Notice changes of these models, their many-to-many relations included.

    ``only`` names the fields that cached values show: an ``UPDATE`` of others (a
    user's last login) voids nothing.
    """
    for model in models:
        label = model if isinstance(model, str) else model._meta.label
        _tracked[label.lower()] = frozenset(only)
    _labels.cache_clear()
    tables.cache_clear()


def require_tracked(label: str, tag: str) -> None:
    if label.endswith("()") or label == "*" or label in _labels():
        return
    raise ImproperlyConfigured(
        f"The cache tag {tag!r} names a model that is not tracked, so its changes "
        f"would go unnoticed: call track({label!r}) where every process imports it."
    )


def changed_stamps(change: Change, new_key: Callable[[str], Any]) -> set[str]:
    """Name the stamps that a change gives new values.

    ``new_key(column)`` gives the key the database made for the one row inserted,
    or None.
    """
    table = tables()[change.table]
    if change.columns and table.only and table.only.isdisjoint(change.columns):
        return set()
    found: set[str] = set()
    for key in table.keys:
        found |= changed_rows(key.label, _keys_of_rows(change, key, new_key))
    return found


def _keys_of_rows(
    change: Change, key: Key, new_key: Callable[[str], Any]
) -> list[Any] | None:
    """Give the keys of the written rows; None if they could be any."""
    values: Sequence[Any] | None = change.rows.get(key.column)
    if values is None and change.inserted == 1 and key.is_generated:
        made = new_key(key.column)
        values = None if made is None else [made]
    if values is None or len(values) > MOST_ROWS or key.column in change.columns:
        return None
    return [key.to_python(value) for value in values]


@lru_cache(maxsize=1)
def tables() -> dict[str, Table]:
    """Map names of tables, in lower case, to what their rows change."""
    found: dict[str, Table] = {}
    for label in _labels():
        model = apps.get_model(label)
        found[model._meta.db_table.lower()] = Table(
            [_own_key(model)], _columns(model, _tracked.get(label, frozenset()))
        )
    for through in _through_models():
        name = through._meta.db_table.lower()
        for foreign_key in through._meta.local_fields:
            if keys := _related_keys(foreign_key):
                found.setdefault(name, Table()).keys.extend(keys)
    return found


@lru_cache(maxsize=1)
def _labels() -> frozenset[str]:
    models = [apps.get_model(label) for label in _tracked]
    return frozenset(label for model in models for label in labels_of(model))


def _own_key(model: type[Model]) -> Key:
    primary = model._meta.pk
    is_generated = primary is model._meta.auto_field
    return Key(
        model._meta.label_lower, _column(primary), primary.to_python, is_generated
    )


def _related_keys(foreign_key: "Field[Any, Any]") -> list[Key]:
    if not foreign_key.remote_field:
        return []
    labels = set(labels_of(foreign_key.remote_field.model)) & _labels()
    column = _column(foreign_key)
    return [Key(label, column, foreign_key.to_python) for label in labels]


def _column(field: Any) -> str:
    return str(field.column).lower()


def _columns(model: type[Model], only: frozenset[str]) -> frozenset[str]:
    try:
        return frozenset(_column(model._meta.get_field(name)) for name in only)
    except (FieldDoesNotExist, AttributeError) as error:
        raise ImproperlyConfigured(
            f"track({model._meta.label}, only={sorted(only)}): expected names of "
            f"fields with a column ({error})."
        ) from None


def _through_models() -> set[type[Model]]:
    return {
        relation.remote_field.through
        for model in apps.get_models(include_auto_created=True)
        for relation in model._meta.local_many_to_many
        if relation.remote_field.through
    }


def tracked_models() -> list[type[Model]]:
    return [apps.get_model(label) for label in sorted(_labels())]

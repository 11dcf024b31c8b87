"""Instances to rows of the table, many per statement."""

from collections.abc import Iterable, Iterator
from typing import Any

from django.db import connections
from django.db.models import ManyToManyField, Model
from django.utils.translation import gettext as _

from core.importing.drafts import Draft
from core.importing.errors import ImportFailed
from core.importing.fields import natural_key
from core.importing.relations import batches
from core.importing.targets import Target

ROWS_PER_STATEMENT = 500
# Keeps a statement below the 16 MiB that servers accept by default, even if each
# character takes four bytes and a field derived from a text is larger than it.
CHARACTERS_PER_STATEMENT = 500_000
LINKS_PER_STATEMENT = 1_000


def write(target: Target, drafts: Iterable[Draft]) -> None:
    """Insert the rows and their many-to-many rows; call within a transaction."""
    manager = target.model._base_manager.using(target.using)
    for batch in _statements(drafts):
        manager.bulk_create([draft.instance for draft in batch])
        linked = [draft for draft in batch if any(draft.related.values())]
        _fetch_keys(target, linked)
        _write_links(target, linked)


def _statements(drafts: Iterable[Draft]) -> Iterator[list[Draft]]:
    batch: list[Draft] = []
    characters = 0
    for draft in drafts:
        size = _characters(draft.instance)
        if batch and (
            len(batch) == ROWS_PER_STATEMENT
            or characters + size > CHARACTERS_PER_STATEMENT
        ):
            yield batch
            batch, characters = [], 0
        batch.append(draft)
        characters += size
    if batch:
        yield batch


def _characters(instance: Model) -> int:
    values = vars(instance).values()
    return sum(len(value) for value in values if isinstance(value, str))


def _fetch_keys(target: Target, drafts: list[Draft]) -> None:
    """Learn the new primary keys where the INSERT did not return them (MySQL)."""
    if connections[target.using].features.can_return_rows_from_bulk_insert:
        return
    key = natural_key(target.model)
    by_key = {getattr(draft.instance, key.attname): draft.instance for draft in drafts}
    if None in by_key:
        raise ImportFailed(
            _(
                "%(model)s: this database finds the new rows again by %(field)s, "
                "which is blank in a row; leave out the many-to-many columns."
            )
            % {"model": target.label, "field": key.name}
        )
    manager = target.model._base_manager.using(target.using)
    rows = manager.filter(**{f"{key.name}__in": list(by_key)})
    for value, pk in rows.values_list(key.attname, "pk"):
        by_key[value].pk = pk


def _write_links(target: Target, drafts: list[Draft]) -> None:
    for field in target.model._meta.many_to_many:
        through: Any = field.remote_field.through
        links = through._base_manager.using(target.using)
        for batch in batches(_links(field, drafts), LINKS_PER_STATEMENT):
            links.bulk_create(batch)


def _links(
    field: "ManyToManyField[Any, Any]", drafts: Iterable[Draft]
) -> Iterator[Model]:
    through: Any = field.remote_field.through
    source = through._meta.get_field(field.m2m_field_name()).attname
    target = through._meta.get_field(field.m2m_reverse_field_name()).attname
    for draft in drafts:
        for key in draft.related.get(field.name, []):
            yield through(**{source: draft.instance.pk, target: key})

"""Cells that name rows of other tables, resolved with a query per many rows."""

import re
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, TypeVar, cast

from django.db import connections
from django.db.models import ForeignKey, ManyToManyField, Model, QuerySet
from django.utils.functional import cached_property
from django.utils.translation import gettext as _

from core.importing.converters import unvalidated_converter
from core.importing.errors import BadCell, Reason, did_you_mean, quoted
from core.importing.fields import AnyField, natural_key
from core.importing.headers import Column
from core.importing.reader import Cell, CellKind
from core.importing.texts import check_readable, to_text

KEYS_PER_QUERY = 500
# Suggestions are for the problems that get printed, and cost a search each.
MAX_SUGGESTIONS = 50
SUGGESTED_FROM_ROWS = 5_000
SEPARATORS = re.compile(r"[,，、;；\n]")

Item = TypeVar("Item")


class Relation:
    """Converter of a column: from natural keys to the values that are stored.

    ``prepare()`` looks the keys of many cells up at once; a call for one of those
    cells then needs no query.
    """

    def __init__(self, column: Column, using: str) -> None:
        self._field: Any = column.field
        self._model = cast("type[Model]", column.field.related_model)
        self._stored = _stored_field(self._field)
        self._key = self._stored if column.by_pk else natural_key(self._model)
        self._parse = unvalidated_converter(self._key, connections[using])
        self._using = using
        self._known: dict[Any, Any] = {}
        self._missing: dict[Any, str] = {}
        self._suggestions_left = MAX_SUGGESTIONS

    def prepare(self, cells: Iterable[Cell]) -> None:
        # In the order of the sheet, so that the first faults get the suggestions.
        named = dict.fromkeys(key for cell in cells for key in self._keys_or_none(cell))
        seen = self._known.keys() | self._missing.keys()
        new = [key for key in named if key not in seen]
        for keys in batches(new, KEYS_PER_QUERY):
            found = self._rows().filter(**{f"{self._key.name}__in": keys})
            self._known.update(
                found.values_list(self._key.attname, self._stored.attname)
            )
        for key in new:
            if key not in self._known:
                self._missing[key] = self._unknown(key)

    def __call__(self, cell: Cell) -> Any:
        check_readable(cell)
        return self._resolved(self._parse(cell))

    def _keys(self, cell: Cell) -> list[Any]:
        return [self._parse(cell)]

    def _keys_or_none(self, cell: Cell) -> list[Any]:
        """Give no key for a bad cell: the call that converts it will report it."""
        try:
            check_readable(cell)
            return self._keys(cell)
        except BadCell:
            return []

    def _resolved(self, key: Any) -> Any:
        if key in self._missing:
            raise BadCell(Reason.UNKNOWN_RELATION, self._missing[key])
        return self._known[key]

    def _rows(self) -> QuerySet[Any]:
        rows = self._model._base_manager.using(self._using)
        return rows.complex_filter(self._field.get_limit_choices_to())

    def _unknown(self, key: Any) -> str:
        if suggestion := self._suggestion(key):
            return _('unknown %(value)s; did you mean "%(suggestion)s"?') % {
                "value": quoted(key),
                "suggestion": suggestion,
            }
        return _(
            "unknown %(value)s; expected the %(key)s of an existing %(model)s."
        ) % {
            "value": quoted(key),
            "key": self._key.verbose_name,
            "model": self._model._meta.verbose_name,
        }

    def _suggestion(self, key: Any) -> str:
        if not isinstance(key, str) or not self._suggestions_left:
            return ""
        self._suggestions_left -= 1
        return did_you_mean(key, self._some_keys)

    @cached_property
    def _some_keys(self) -> list[str]:
        keys = self._rows().order_by(self._key.name).values_list(self._key.name)
        return [str(key) for (key,) in keys[:SUGGESTED_FROM_ROWS]]


class ManyRelations(Relation):
    """The same for a cell that names several rows."""

    def __call__(self, cell: Cell) -> list[Any]:
        check_readable(cell)
        unknown, resolved = [], []
        for key in self._keys(cell):
            try:
                resolved.append(self._resolved(key))
            except BadCell as bad:
                unknown.append(bad.message)
        if unknown:
            raise BadCell(Reason.UNKNOWN_RELATION, " ".join(unknown))
        # A name that comes twice in a cell is one relation.
        return list(dict.fromkeys(resolved))

    def _keys(self, cell: Cell) -> list[Any]:
        if cell.kind is not CellKind.TEXT:
            return [self._parse(cell)]
        names = (name.strip() for name in SEPARATORS.split(to_text(cell)))
        return [self._parse(Cell(CellKind.TEXT, name)) for name in names if name]


def relation_converter(column: Column, using: str) -> Relation | None:
    if isinstance(column.field, ManyToManyField):
        return ManyRelations(column, using)
    return Relation(column, using) if isinstance(column.field, ForeignKey) else None


def batches(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    iterator = iter(items)
    while batch := list(islice(iterator, size)):
        yield batch


def _stored_field(field: Any) -> AnyField:
    """Give the field of the related model whose values the relation stores."""
    if isinstance(field, ManyToManyField):
        through: Any = field.remote_field.through
        field = through._meta.get_field(field.m2m_reverse_field_name())
    stored: AnyField = field.target_field
    return stored

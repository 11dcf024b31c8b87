"""Cells that name rows of other tables, resolved with a query per many rows."""

import re
from collections.abc import Iterable
from functools import partial
from typing import Any, cast

from django.db import connections
from django.db.models import ForeignKey, ManyToManyField, Model, QuerySet
from django.utils.functional import cached_property
from django.utils.translation import gettext as _

from core.importing.converting.cells import (
    UNREADABLE,
    Converter,
    Parser,
    check_readable,
    refusing,
)
from core.importing.converting.fields import database_text, unvalidated_parser
from core.importing.converting.matching import matching_rows
from core.importing.converting.texts import text_parser
from core.importing.errors import BadCell, Reason, did_you_mean, quoted
from core.importing.reading import Cell, Kind
from core.importing.targets.fields import AnyField, stored_field

# Suggestions are for the problems that get printed, and cost a search each.
MAX_SUGGESTIONS = 50
SUGGESTED_FROM_ROWS = 5_000
SEPARATORS = re.compile(r"[,，、;；\n]")


class Relation:
    """Reads a column that names rows by ``key``, and gives what is stored of them.

    ``prepare()`` looks the keys of many cells up at once; reading one of those
    cells then needs no query.
    """

    def __init__(self, field: AnyField, key: AnyField, using: str) -> None:
        self.field: Any = field
        self._model = cast("type[Model]", field.related_model)
        self.stored = stored_field(self.field)
        self._key = key
        self._using = using
        self._known: dict[Any, Any] = {}
        self._missing: dict[Any, str] = {}
        self._suggestions_left = MAX_SUGGESTIONS

    def prepare(self, cells: Iterable[Cell]) -> None:
        # In the order of the sheet, so that the first faults get the suggestions.
        named = dict.fromkeys(key for cell in cells for key in self._keys_or_none(cell))
        seen = self._known.keys() | self._missing.keys()
        new = [key for key in named if key not in seen]
        found = matching_rows(self._rows(), (self._key.name,), [(key,) for key in new])
        for key in new:
            if row := found.get((key,)):
                self._known[key] = getattr(row, self.stored.attname)
            else:
                self._missing[key] = self._unknown(key)

    def parser(self, kind: Kind, digits: int = 0) -> Parser:
        if kind in UNREADABLE:
            return refusing(kind)
        parse = self._parse(kind, digits)
        return lambda text: self._resolved(parse(text))

    def converter(self, kind: Kind, digits: int = 0) -> Converter:
        parse = self.parser(kind, digits)
        connection = connections[self._using]
        return lambda text: database_text(self.stored, parse(text), connection)

    def _parse(self, kind: Kind, digits: int) -> Parser:
        return unvalidated_parser(self._key, kind, digits, connections[self._using])

    def _keys(self, cell: Cell) -> list[Any]:
        return [self._parse(cell.kind, cell.digits)(cell.text)]

    def _keys_or_none(self, cell: Cell) -> list[Any]:
        """Give no key for a bad cell: the call that converts it will report it."""
        try:
            check_readable(cell.kind, cell.text)
            return self._keys(cell)
        except BadCell:
            return []

    def _resolved(self, key: Any) -> Any:
        if key in self._missing:
            raise BadCell(Reason.UNKNOWN_RELATION, self._missing[key])
        return self._known[key]

    def _rows(self) -> QuerySet[Any]:
        rows = self._model._base_manager.using(self._using)
        needed = {self._model._meta.pk.name, self._key.name, self.stored.name}
        return rows.complex_filter(self.field.get_limit_choices_to()).only(*needed)

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
    """The same for a cell that names several rows; it has a list of their keys."""

    def parser(self, kind: Kind, digits: int = 0) -> Parser:
        return partial(self._resolve_all, kind, digits)

    def _resolve_all(self, kind: Kind, digits: int, text: str) -> list[Any]:
        check_readable(kind, text)
        unknown, resolved = [], []
        for key in self._keys(Cell(kind, text, digits)):
            try:
                resolved.append(self._resolved(key))
            except BadCell as bad:
                unknown.append(bad.message)
        if unknown:
            raise BadCell(Reason.UNKNOWN_RELATION, " ".join(unknown))
        # A name that comes twice in a cell is one relation.
        return list(dict.fromkeys(resolved))

    def _keys(self, cell: Cell) -> list[Any]:
        parse = self._parse(cell.kind, cell.digits)
        if cell.kind is not Kind.TEXT:
            return [parse(cell.text)]
        names = SEPARATORS.split(text_parser(Kind.TEXT)(cell.text))
        return [parse(name) for name in names if name.strip()]


def relation_for(field: AnyField, key: AnyField, using: str) -> Relation | None:
    if isinstance(field, ManyToManyField):
        return ManyRelations(field, key, using)
    return Relation(field, key, using) if isinstance(field, ForeignKey) else None

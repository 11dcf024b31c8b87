"""Rows of a model as a workbook that an import reads again."""

import json
import tempfile
from collections.abc import Callable, Collection, Iterator
from itertools import chain
from typing import Any, TypeAlias

from django.core.exceptions import ObjectDoesNotExist
from django.db.models import ForeignKey, JSONField, ManyToManyField, Model, QuerySet
from django.http import FileResponse
from django.utils import timezone
from django.utils.translation import gettext as _

from core.importing.administration.downloads import download
from core.importing.converting.matching import batches
from core.importing.errors import BadCell, shown
from core.importing.headers import Names
from core.importing.reading import MAX_CELL_CHARACTERS
from core.importing.reading.faults import MAX_ROWS
from core.importing.targets.fields import AnyField, natural_key
from core.importing.targets.target import Target, find_target
from core.importing.workbooks import write_export

ROWS_PER_QUERY = 500

Value: TypeAlias = Callable[[Any], object]


class ExportFailed(Exception):
    """What was selected does not fit into a workbook; says so in one sentence."""


def export_response(rows: QuerySet[Any], *, viewable: Collection[str]) -> FileResponse:
    """Give the rows in their order, with the viewable fields that imports may fill."""
    target = find_target(rows.model._meta.label, rows.db)
    fields = exported_fields(target, viewable)
    # The keys are few bytes each; the rows come in batches, because a cursor of
    # MySQL would hold all of them in memory.
    keys = list(rows.values_list("pk", flat=True))
    if len(keys) >= MAX_ROWS:
        raise ExportFailed(
            _("%(count)s rows are selected; a sheet has room for %(limit)s.")
            % {"count": len(keys), "limit": MAX_ROWS - 1}
        )
    name = str(target.model._meta.verbose_name_plural)
    # Closed by the response, and removed with that.
    file = tempfile.TemporaryFile(suffix=".xlsx")  # noqa: SIM115
    try:
        write_export(
            file, headers(target, fields), _cells(target, fields, keys), sheet=name
        )
    except BaseException:
        file.close()
        raise
    file.seek(0)
    day = timezone.localdate().isoformat()
    return download(file, f"{target.model._meta.model_name}-{day}.xlsx")


def exported_fields(target: Target, viewable: Collection[str]) -> list[AnyField]:
    key = natural_key(target.model)
    return [
        field for field in target.open_fields if field is key or field.name in viewable
    ]


def headers(target: Target, fields: Collection[AnyField]) -> list[str]:
    """Name each field as people do, if an import takes the name for that field."""
    names = Names(target)
    return [_header(field, names) for field in fields]


def _header(field: AnyField, names: Names) -> str:
    label = str(field.verbose_name)
    try:
        return label if names.open_field(label) is field else field.name
    except BadCell:
        return field.name


def _cells(
    target: Target, fields: list[AnyField], keys: list[Any]
) -> Iterator[list[object]]:
    values = [(field, _value_of(field, target)) for field in fields]
    batched = (_rows(target, fields, batch) for batch in batches(keys, ROWS_PER_QUERY))
    for row in chain.from_iterable(batched):
        yield [_checked(value(row), row, field) for field, value in values]


def _rows(target: Target, fields: list[AnyField], keys: list[Any]) -> Iterator[Model]:
    rows = target.model._base_manager.using(target.using).filter(pk__in=keys)
    single = [field.name for field in fields if isinstance(field, ForeignKey)]
    many = [field.name for field in fields if isinstance(field, ManyToManyField)]
    found = rows.select_related(*single).prefetch_related(*many).in_bulk()
    return (found[key] for key in keys if key in found)


def _value_of(field: AnyField, target: Target) -> Value:
    """Make what gives the value of a field; related rows by their natural key."""
    if isinstance(field, ManyToManyField):
        key = target.lookup(field).attname
        return lambda row: ", ".join(
            str(getattr(related, key)) for related in getattr(row, field.name).all()
        )
    if isinstance(field, ForeignKey):
        return _related_value(field.name, target.lookup(field).attname)
    if isinstance(field, JSONField):
        return lambda row: json.dumps(field.value_from_object(row), ensure_ascii=False)
    return field.value_from_object


def _related_value(name: str, key: str) -> Value:
    def value(row: Any) -> object:
        try:
            related = getattr(row, name)
        except ObjectDoesNotExist:
            return None
        return getattr(related, key) if related else None

    return value


def _checked(value: object, row: Model, field: AnyField) -> object:
    if isinstance(value, str) and len(value) > MAX_CELL_CHARACTERS:
        raise ExportFailed(
            _(
                '%(row)s: the field "%(field)s" has %(count)s characters; a cell has '
                "room for %(limit)s, so nothing was exported."
            )
            % {
                "row": shown(str(row)),
                "field": field.verbose_name,
                "count": len(value),
                "limit": MAX_CELL_CHARACTERS,
            }
        )
    return value

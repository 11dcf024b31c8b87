"""An empty workbook to fill in for a table."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from django.db import models
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from core.importing.names import normalised
from core.importing.targets.fields import AnyField, needs_value
from core.importing.targets.target import Target, find_target
from core.importing.workbooks import TemplateColumn, write_template

GENERAL, DATE, MOMENT, TIME = "General", "yyyy-mm-dd", "yyyy-mm-dd hh:mm", "hh:mm"
# A longer list is no help, and its names are in the file for everybody to read.
MOST_CHOICES = 500


def write_template_for(table: str, file: Path, *, using: str) -> None:
    """Write a workbook with a column for each field that an import may fill."""
    target = find_target(table, using)
    fields = [field for field in target.open_fields if not _is_automatic(field)]
    headers = _headers(fields)
    columns = [
        TemplateColumn(header, _rule(field), _format(field), _choices(field, target))
        for field, header in zip(fields, headers, strict=True)
    ]
    with file.open("wb") as opened:
        name = str(target.model._meta.verbose_name_plural)
        write_template(opened, columns, sheet=name)


def _is_automatic(field: AnyField) -> bool:
    return isinstance(field, models.AutoField)


def _headers(fields: Sequence[AnyField]) -> list[str]:
    """Name columns as people do, unless two fields would have the same name."""
    labels = [str(field.verbose_name) for field in fields]
    spellings = [normalised(label) for label in labels]
    return [
        label if spellings.count(normalised(label)) == 1 else field.name
        for field, label in zip(fields, labels, strict=True)
    ]


def _rule(field: AnyField) -> str:
    sentences = [
        _("Required.") if needs_value(field) else _("May be blank."),
        _kind(field),
        str(field.help_text),
    ]
    return " ".join(sentence for sentence in sentences if sentence)


def _kind(field: AnyField) -> str:
    match field:
        case models.ManyToManyField():
            return _("Names, separated by commas.")
        case models.ForeignKey():
            return capfirst(_("the name of an existing row."))
        case models.BooleanField():
            return _("Yes or no.")
        case models.IntegerField():
            return _("A whole number.")
        case models.DecimalField():
            return _("A number with at most %(places)s decimal places.") % {
                "places": field.decimal_places
            }
        case models.DateTimeField():
            return _("A date and time such as 2024-01-31 09:30.")
        case models.DateField():
            return _("A date such as 2024-01-31.")
        case _ if field.max_length:
            return _("At most %(limit)s characters.") % {"limit": field.max_length}
    return ""


def _format(field: AnyField) -> str:
    match field:
        case models.DateTimeField():
            return MOMENT
        case models.DateField():
            return DATE
        case models.TimeField():
            return TIME
        case models.BooleanField() | models.DecimalField() | models.FloatField():
            return GENERAL
        case models.IntegerField() if not isinstance(field, models.BigIntegerField):
            return GENERAL
    return "@"


def _choices(field: AnyField, target: Target) -> Sequence[str]:
    if field.choices:
        return [str(label) for value, label in field.flatchoices if value]
    if not isinstance(field, models.ForeignKey):
        return []
    key = target.lookup(field)
    related: Any = field.related_model
    rows = related._base_manager.using(target.using).order_by(key.name)
    rows = rows.complex_filter(field.get_limit_choices_to())
    names = rows.values_list(key.name, flat=True)[: MOST_CHOICES + 1]
    return [] if len(names) > MOST_CHOICES else [str(name) for name in names]

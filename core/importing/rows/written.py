"""Which columns of the table an import writes, and where their values come from."""

from dataclasses import dataclass
from typing import Any

from django.db.models import (
    DateField,
    DateTimeField,
    Field,
    FileField,
    ManyToManyField,
    Model,
    TimeField,
)

from core.importing.headers import Header
from core.importing.rows.rules import checks_of
from core.importing.targets.fields import AnyField
from core.importing.targets.target import Target

# What these do before a row is saved does not depend on the row.
USUAL_PRE_SAVE = {
    cls.pre_save for cls in (Field, DateField, DateTimeField, TimeField, FileField)
}


@dataclass(frozen=True)
class Written:
    """The fields written, in the order of their values in a row of texts.

    ``given`` are those the sheet or the request has, the only ones that are changed
    in rows of the table; ``touched`` is set whenever a row of the table is changed.
    """

    fields: tuple[AnyField, ...]
    given: tuple[AnyField, ...]
    touched: tuple[AnyField, ...]
    relations: tuple["ManyToManyField[Any, Any]", ...]


def written_fields(target: Target, header: Header) -> Written:
    given = [field for field in header.fields if field.concrete and not _is_many(field)]
    # What is required and has no column was reported: nothing will be written.
    missing = set(target.required_fields()).difference(given)
    others = [
        field
        for field in (*target.open_fields, *target.closed_fields)
        if field not in missing.union(given)
        and not _is_many(field)
        and _has_value(field)
    ]
    return Written(
        fields=(*given, *others),
        given=tuple(given),
        touched=tuple(field for field in others if getattr(field, "auto_now", False)),
        relations=tuple(field for field in header.fields if _is_many(field)),  # type: ignore[misc]
    )


def needs_instances(target: Target) -> bool:
    """Tell whether a row is complete only when the model's own code has seen it."""
    model = target.model
    return (
        model.clean is not Model.clean
        or any(rule.applies for rule in target.unique_rules)
        or any(True for _check in checks_of(model))
        or any(
            type(field).pre_save not in USUAL_PRE_SAVE
            for field in model._meta.concrete_fields
        )
    )


def _is_many(field: AnyField) -> bool:
    return isinstance(field, ManyToManyField)


def _has_value(field: AnyField) -> bool:
    """Tell whether a field gets a value by itself, other than from the database."""
    if field.generated or field.has_db_default():
        return False
    return not getattr(field, "db_returning", False)

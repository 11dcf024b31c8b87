"""Which fields of a model an import fills, and by which field people name a row."""

from typing import TYPE_CHECKING, Any, TypeAlias

from django.db.models import (
    AutoField,
    CharField,
    Field,
    FileField,
    ForeignKey,
    ManyToManyField,
    Model,
    SlugField,
)

from core.importing.options import ImportOptions

if TYPE_CHECKING:
    AnyField: TypeAlias = Field[Any, Any]
else:
    AnyField = Field


class NoPrimaryKey(AutoField):  # type: ignore[type-arg]
    """Stands for the one primary key that a model must have and a table has not."""


def natural_key(model: type[Model]) -> AnyField:
    """Choose the field by which people name a row of the model."""
    meta = model._meta
    if username := getattr(model, "USERNAME_FIELD", None):
        return _concrete(model, username)
    unique = {field.name for field in meta.concrete_fields if field.unique} | {
        constraint.fields[0]
        for constraint in meta.total_unique_constraints
        if len(constraint.fields) == 1
    }
    texts = [
        field
        for field in meta.concrete_fields
        if field.name in unique
        and isinstance(field, CharField)
        and not field.primary_key
    ]
    slugs = [
        field for field in texts if isinstance(field, SlugField) or field.name == "slug"
    ]
    for candidates in (slugs, texts):
        if len(candidates) == 1:
            return candidates[0]
    return meta.pk


def _concrete(model: type[Model], name: str) -> AnyField:
    return next(field for field in model._meta.concrete_fields if field.name == name)


def stored_field(field: Any) -> AnyField:
    """Give the field of the related model whose values the relation stores."""
    if isinstance(field, ManyToManyField):
        through: Any = field.remote_field.through
        field = through._meta.get_field(field.m2m_reverse_field_name())
    stored: AnyField = field.target_field
    return stored


def is_open(field: AnyField, options: ImportOptions) -> bool:
    if field.name in options.exclude or not field.editable or field.generated:
        return False
    if isinstance(field, ManyToManyField):
        return _has_plain_through_table(field)
    if isinstance(field, ForeignKey):
        return True
    # A file does not fit into a cell, and a path from a workbook is not trusted.
    return not isinstance(field, FileField)


def _has_plain_through_table(field: "ManyToManyField[Any, Any]") -> bool:
    through = field.remote_field.through
    is_plain = through is not None and bool(through._meta.auto_created)
    return is_plain and not field.remote_field.symmetrical


def is_invented(field: AnyField) -> bool:
    """Tell whether a model has the field and its table has not."""
    # Not isinstance(): to Django, every automatic field is one of every such class.
    return type(field) is NoPrimaryKey


def needs_value(field: AnyField) -> bool:
    """Tell whether a row without a value for the field is incomplete."""
    if isinstance(field, ManyToManyField):
        return not field.blank
    if not field.editable or field.generated or field.null or field.has_default():
        return False
    if field.has_db_default() or getattr(field, "db_returning", False):
        return False
    return not (field.blank and field.empty_strings_allowed)

"""What a blank cell means."""

from typing import Any, Final

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import ManyToManyField, Value
from django.db.models.sql import Query
from django.utils.translation import gettext as _

from core.importing.errors import BadCell, Reason
from core.importing.targets.fields import AnyField

# Stands for "leave what the model gives".
DEFAULT: Final = object()


def blank_value(field: AnyField) -> Any:
    """Give what a blank cell means: nothing, NULL, empty text or the default."""
    if isinstance(field, ManyToManyField):
        if field.blank:
            return []
    elif field.null:
        return None
    elif field.choices and field.has_default():
        return DEFAULT
    elif field.blank and field.empty_strings_allowed:
        return ""
    elif field.has_default() or field.has_db_default() or field.db_returning:
        return DEFAULT
    raise BadCell(Reason.BLANK, _("blank; expected a value."))


def database_default(field: AnyField, connection: BaseDatabaseWrapper) -> Any:
    """Ask the database for the value that it would give the column."""
    compiler = Query(field.model).get_compiler(connection=connection)
    expression: Any = field.db_default
    if not hasattr(expression, "resolve_expression"):
        expression = Value(expression)
    sql, params = compiler.compile(expression)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {sql}", params)
        (value,) = cursor.fetchone()
    return value

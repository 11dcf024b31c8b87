"""From a table's name to the model and fields that an import may fill."""

from dataclasses import dataclass

from django.apps import apps
from django.conf import settings
from django.db import connections
from django.db.models import Model
from django.utils.translation import gettext as _

from core.importing.errors import ImportFailed, did_you_mean, shown
from core.importing.fields import AnyField, is_open, needs_value
from core.importing.options import ImportOptions

# Tables of the framework: sessions, migrations, content types, admin log, rights.
DENIED_PREFIX = "django_"
DENIED_TABLES = {"auth_permission", "core_sessions_session"}


@dataclass(frozen=True)
class Target:
    """The table to fill. ``open_fields`` and ``closed_fields`` have no name in common.

    A closed field must not have a column: the site fills it itself, the model
    excludes it from imports, or a cell cannot hold its kind of value.
    """

    model: type[Model]
    using: str
    options: ImportOptions
    open_fields: tuple[AnyField, ...]
    closed_fields: tuple[AnyField, ...]

    @property
    def table(self) -> str:
        return self.model._meta.db_table

    @property
    def label(self) -> str:
        return self.model._meta.label

    def required_fields(self) -> list[AnyField]:
        """List the fields that stay without a value if they have no column."""
        return [
            field
            for field in (*self.open_fields, *self.closed_fields)
            if field.name not in self.options.values and needs_value(field)
        ]


def find_target(name: str, using: str) -> Target:
    """Find a table by its name or the label of its model, in any case of letters."""
    model = _find_model(name)
    _check_allowed(model)
    _check_supported(model)
    _check_exists(model, using)
    options = ImportOptions.of(model)
    fields = (*model._meta.concrete_fields, *model._meta.many_to_many)
    open_fields = tuple(field for field in fields if is_open(field, options))
    closed_fields = tuple(field for field in fields if field not in open_fields)
    return Target(model, using, options, open_fields, closed_fields)


def _find_model(name: str) -> type[Model]:
    wanted = name.strip().casefold()
    models = apps.get_models()
    for model in models:
        if wanted in {model._meta.db_table.casefold(), model._meta.label.casefold()}:
            return model
    known = [model._meta.db_table for model in models if not _is_denied(model)]
    labels = [model._meta.label for model in models if not _is_denied(model)]
    if suggestion := did_you_mean(name, known + labels):
        message = _('There is no table "%(table)s"; did you mean "%(suggestion)s"?')
    else:
        message = _(
            'There is no table "%(table)s"; expected a table such as '
            "articles_article or a model such as articles.Article."
        )
    raise ImportFailed(message % {"table": shown(name), "suggestion": suggestion})


def _is_denied(model: type[Model]) -> bool:
    table = model._meta.db_table
    if table in getattr(settings, "IMPORTING_ALLOWED_TABLES", []):
        return False
    return table.startswith(DENIED_PREFIX) or table in DENIED_TABLES


def _check_allowed(model: type[Model]) -> None:
    if _is_denied(model):
        raise ImportFailed(
            _(
                "The table %(table)s belongs to the framework and is closed to "
                "imports; add it to IMPORTING_ALLOWED_TABLES if it must be filled."
            )
            % {"table": model._meta.db_table}
        )


def _check_supported(model: type[Model]) -> None:
    concrete = model._meta.concrete_model
    parents = model._meta.all_parents
    if any(parent._meta.concrete_model is not concrete for parent in parents):
        raise ImportFailed(
            _(
                "%(model)s is spread over several tables (it inherits from another "
                "model with a table), which imports do not support."
            )
            % {"model": model._meta.label}
        )


def _check_exists(model: type[Model], using: str) -> None:
    tables = connections[using].introspection.table_names()
    # Some servers fold the case of table names.
    if model._meta.db_table.casefold() not in map(str.casefold, tables):
        raise ImportFailed(
            _(
                'The database "%(database)s" has no table %(table)s; run '
                '"manage.py migrate" first.'
            )
            % {"database": using, "table": model._meta.db_table}
        )

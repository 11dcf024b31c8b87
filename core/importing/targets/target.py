"""From a table's name to the table, its fields and its keys."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from django.apps import apps
from django.conf import settings
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Model
from django.utils.translation import gettext as _

from core.importing.errors import ImportFailed, did_you_mean, shown
from core.importing.options import ImportOptions
from core.importing.targets.columns import ColumnInfo, columns_of
from core.importing.targets.fields import (
    AnyField,
    is_invented,
    is_open,
    natural_key,
    needs_value,
    stored_field,
)
from core.importing.targets.uniqueness import UniqueRule, unique_rules
from core.importing.targets.unmodelled import model_of

# Tables of the framework and the machinery: sessions, migrations, content types,
# rights, stamps of the cache, the ledger of imports.
DENIED_PREFIXES = ("auth_", "core_", "django_", "sqlite_")
VENDORS = {"mysql", "sqlite"}


@dataclass(frozen=True)
class Target:
    """The table to fill. ``open_fields`` and ``closed_fields`` have no name in common.

    A closed field must not have a column: the site fills it itself, the model
    excludes it from imports, or a cell cannot hold its kind of value.
    ``is_modelled`` is false if ``model`` was made for a table that has none.
    """

    model: type[Model]
    using: str
    options: ImportOptions
    open_fields: tuple[AnyField, ...]
    closed_fields: tuple[AnyField, ...]
    is_modelled: bool = True

    @property
    def table(self) -> str:
        return self.model._meta.db_table

    @property
    def label(self) -> str:
        return self.model._meta.label if self.is_modelled else self.table

    @cached_property
    def columns(self) -> Mapping[str, ColumnInfo]:
        """What the database says of its columns, by name in lower case."""
        return columns_of(connections[self.using], self.table)

    @cached_property
    def unique_rules(self) -> Sequence[UniqueRule]:
        return unique_rules(self.model)

    @cached_property
    def identity(self) -> tuple[AnyField, ...]:
        """The fields that tell a row from all others; none if nothing does."""
        primary = self.model._meta.pk
        if primary.concrete and not is_invented(primary):
            return (primary,)
        for rule in self.unique_rules:
            if rule.condition is None and not any(f.null for f in rule.fields):
                return rule.fields
        return ()

    def column(self, field: AnyField) -> ColumnInfo:
        return self.columns[str(field.column).lower()]

    def lookup(self, field: AnyField) -> AnyField:
        """Give the field by which cells name the rows of a relation."""
        if self.is_modelled and field.related_model:
            return natural_key(field.related_model)
        return stored_field(field)

    def required_fields(self) -> list[AnyField]:
        """List the fields that stay without a value if they have no column."""
        return [
            field
            for field in (*self.open_fields, *self.closed_fields)
            if field.name not in self.options.values and needs_value(field)
        ]


def find_target(name: str, using: str) -> Target:
    """Find a table by its name or the label of its model, in any case of letters."""
    connection = connections[using]
    _check_vendor(connection)
    model = _find_model(name)
    is_modelled = model is not None
    if model is None:
        model = model_of(connection, _find_table(name, connection))
    else:
        _check_allowed(model._meta.db_table)
        _check_supported(model)
        _check_exists(model, connection)
    options = ImportOptions.of(model)
    fields = [
        field
        for field in (*model._meta.concrete_fields, *model._meta.many_to_many)
        if not is_invented(field)
    ]
    open_fields = tuple(field for field in fields if is_open(field, options))
    closed_fields = tuple(field for field in fields if field not in open_fields)
    return Target(model, using, options, open_fields, closed_fields, is_modelled)


def _check_vendor(connection: BaseDatabaseWrapper) -> None:
    if connection.vendor not in VENDORS:
        raise ImportFailed(
            _("The database %(database)s is %(vendor)s; imports know MySQL and SQLite.")
            % {"database": connection.alias, "vendor": connection.display_name}
        )


def _find_model(name: str) -> type[Model] | None:
    wanted = name.strip().casefold()
    for model in apps.get_models():
        if wanted in {model._meta.db_table.casefold(), model._meta.label.casefold()}:
            return model
    return None


def _find_table(name: str, connection: BaseDatabaseWrapper) -> str:
    with connection.cursor() as cursor:
        tables = connection.introspection.get_table_list(cursor)
    for table in tables:
        if table.name.casefold() != name.strip().casefold():
            continue
        _check_allowed(table.name)
        _check_no_join_table(table.name)
        if table.type == "v":
            raise ImportFailed(
                _("%(table)s is a view; an import fills tables.")
                % {"table": table.name}
            )
        return table.name
    raise _unknown_table(name, [table.name for table in tables if table.type != "v"])


def _unknown_table(name: str, tables: list[str]) -> ImportFailed:
    labels = [
        model._meta.label
        for model in apps.get_models()
        if not _is_denied(model._meta.db_table)
    ]
    names = [table for table in tables if not _is_denied(table)]
    if suggestion := did_you_mean(name, names + labels):
        message = _('There is no table "%(table)s"; did you mean "%(suggestion)s"?')
    else:
        message = _(
            'There is no table "%(table)s"; expected a table such as '
            "articles_article or a model such as articles.Article."
        )
    return ImportFailed(message % {"table": shown(name), "suggestion": suggestion})


def _is_denied(table: str) -> bool:
    if table in getattr(settings, "IMPORTING_ALLOWED_TABLES", []):
        return False
    return table.casefold().startswith(DENIED_PREFIXES)


def _check_allowed(table: str) -> None:
    if _is_denied(table):
        raise ImportFailed(
            _(
                "The table %(table)s belongs to the framework and is closed to "
                "imports; add it to IMPORTING_ALLOWED_TABLES if it must be filled."
            )
            % {"table": table}
        )


def _check_no_join_table(table: str) -> None:
    """Refuse the tables of many-to-many relations, some of which give rights."""
    for model, name, join_table in _join_tables():
        if table.casefold() == join_table.casefold():
            raise ImportFailed(
                _(
                    "%(table)s joins two other tables; import %(model)s with a column "
                    '"%(field)s" instead.'
                )
                % {"table": table, "model": model._meta.label, "field": name}
            )


def _join_tables() -> Iterator[tuple[type[Model], str, str]]:
    for model in apps.get_models():
        for field in model._meta.local_many_to_many:
            yield model, field.name, field.m2m_db_table()


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


def _check_exists(model: type[Model], connection: BaseDatabaseWrapper) -> None:
    with connection.cursor() as cursor:
        tables = connection.introspection.get_table_list(cursor)
    for table in tables:
        # Some servers fold the case of table names.
        if table.name.casefold() != model._meta.db_table.casefold():
            continue
        if table.type == "v":
            raise ImportFailed(
                _("%(table)s is a view; an import fills tables.")
                % {"table": table.name}
            )
        return
    raise ImportFailed(
        _(
            'The database "%(database)s" has no table %(table)s; run '
            '"manage.py migrate" first.'
        )
        % {"database": connection.alias, "table": model._meta.db_table}
    )

"""Which other rows refer to a table's rows: those must not lose them by a DELETE."""

from django.db.backends.base.base import BaseDatabaseWrapper
from django.utils.translation import gettext as _

from core.importing.errors import ImportFailed
from core.importing.targets.target import Target

REFERENCES_IN_MYSQL = """
SELECT table_name, column_name FROM information_schema.key_column_usage
WHERE referenced_table_schema = DATABASE() AND referenced_table_name = %s
  AND table_schema = DATABASE()
"""


def check_not_referred_to(target: Target, connection: BaseDatabaseWrapper) -> None:
    """Refuse to empty a table that others refer to.

    The database would refuse as well, or follow ``ON DELETE CASCADE`` and empty the
    others without a word.
    """
    own = {target.table, *_join_tables(target)}
    for table, column in _references(target, connection):
        if table not in own and _has_reference(connection, table, column):
            raise ImportFailed(
                _(
                    "Rows of %(other)s refer to rows of %(table)s (%(column)s), so these "
                    "cannot be replaced; the mode upsert changes and adds rows."
                )
                % {"other": table, "table": target.table, "column": column}
            )


def _join_tables(target: Target) -> list[str]:
    fields = target.model._meta.local_many_to_many
    return [
        field.m2m_db_table()
        for field in fields
        if field.remote_field.through._meta.auto_created  # type: ignore[union-attr]
    ]


def _references(
    target: Target, connection: BaseDatabaseWrapper
) -> list[tuple[str, str]]:
    with connection.cursor() as cursor:
        if connection.vendor == "mysql":
            cursor.execute(REFERENCES_IN_MYSQL, [target.table])
            return list(cursor.fetchall())
        introspection = connection.introspection
        return [
            (table, column)
            for table in introspection.table_names(cursor)
            for column, related in introspection.get_relations(cursor, table).items()
            if related[1].casefold() == target.table.casefold()
        ]


def _has_reference(connection: BaseDatabaseWrapper, table: str, column: str) -> bool:
    quote = connection.ops.quote_name
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT 1 FROM {quote(table)} WHERE {quote(column)} IS NOT NULL LIMIT 1"
        )
        return cursor.fetchone() is not None

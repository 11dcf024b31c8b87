"""The columns and unique keys of a table, as the database tells them."""

from dataclasses import dataclass

from django.db.backends.base.base import BaseDatabaseWrapper

COLUMNS_OF_MYSQL = """
SELECT column_name, column_type, is_nullable, column_default, extra,
       character_set_name, collation_name
FROM information_schema.columns
WHERE table_schema = DATABASE() AND table_name = %s
ORDER BY ordinal_position
"""
UNIQUE_KEYS_OF_MYSQL = """
SELECT index_name, column_name, sub_part
FROM information_schema.statistics
WHERE table_schema = DATABASE() AND table_name = %s AND non_unique = 0
ORDER BY index_name <> 'PRIMARY', index_name, seq_in_index
"""
GENERATED_IN_SQLITE = {2, 3}


@dataclass(frozen=True)
class ColumnInfo:
    """One column; ``type`` as declared, ``default`` as the database writes it."""

    name: str
    type: str
    is_nullable: bool
    default: str | None
    is_default_expression: bool
    is_auto: bool
    is_generated: bool
    charset: str = ""
    collation: str = ""
    has_json: bool = False


def columns_of(connection: BaseDatabaseWrapper, table: str) -> dict[str, ColumnInfo]:
    """Map names of columns, in lower case, to what is known of them."""
    read = _mysql_columns if connection.vendor == "mysql" else _sqlite_columns
    return {column.name.lower(): column for column in read(connection, table)}


def unique_keys_of(
    connection: BaseDatabaseWrapper, table: str
) -> list[tuple[str, ...]]:
    """List the unique keys that hold for whole columns and all rows.

    The primary key is the first, if there is one.
    """
    read = _mysql_keys if connection.vendor == "mysql" else _sqlite_keys
    return read(connection, table)


def _mysql_columns(connection: BaseDatabaseWrapper, table: str) -> list[ColumnInfo]:
    with connection.cursor() as cursor:
        cursor.execute(COLUMNS_OF_MYSQL, [table])
        rows = cursor.fetchall()
        described = connection.introspection.get_table_description(cursor, table)
    json = {row.name for row in described if getattr(row, "has_json_constraint", 0)}
    is_mariadb = bool(getattr(connection, "mysql_is_mariadb", False))
    return [
        ColumnInfo(
            name=name,
            type=type_,
            is_nullable=nullable == "YES",
            # MariaDB writes "no default" as the text NULL if the column may be it.
            default=None if default == "NULL" else default,
            is_default_expression=is_mariadb or "DEFAULT_GENERATED" in extra,
            is_auto="auto_increment" in extra.lower(),
            is_generated="GENERATED" in extra.replace("DEFAULT_GENERATED", "").upper(),
            charset=charset or "",
            collation=collation or "",
            has_json=name in json,
        )
        for name, type_, nullable, default, extra, charset, collation in rows
    ]


def _mysql_keys(connection: BaseDatabaseWrapper, table: str) -> list[tuple[str, ...]]:
    keys: dict[str, list[str]] = {}
    partial = set()
    with connection.cursor() as cursor:
        cursor.execute(UNIQUE_KEYS_OF_MYSQL, [table])
        for index, column, prefix in cursor.fetchall():
            keys.setdefault(index, []).append(column)
            if column is None or prefix is not None:
                partial.add(index)
    return [tuple(columns) for index, columns in keys.items() if index not in partial]


def _sqlite_columns(connection: BaseDatabaseWrapper, table: str) -> list[ColumnInfo]:
    with connection.cursor() as cursor:
        cursor.execute(f"PRAGMA table_xinfo({connection.ops.quote_name(table)})")
        rows = cursor.fetchall()
    keys = [name for _, name, _, _, _, position, _ in rows if position]
    # Only an index tells, and only in a unique one does it matter what is equal.
    collations = dict(
        column
        for index in _sqlite_indexes(connection, table)
        for column in index
        if column[1] != "BINARY"
    )
    return [
        ColumnInfo(
            name=name,
            type=type_,
            is_nullable=not not_null and not position,
            default=default,
            is_default_expression=True,
            is_auto=keys == [name] and type_.upper() == "INTEGER",
            is_generated=hidden in GENERATED_IN_SQLITE,
            collation=collations.get(name, ""),
        )
        for _, name, type_, not_null, default, position, hidden in rows
    ]


def _sqlite_keys(connection: BaseDatabaseWrapper, table: str) -> list[tuple[str, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(f"PRAGMA table_xinfo({connection.ops.quote_name(table)})")
        primary = sorted((row[5], row[1]) for row in cursor.fetchall() if row[5])
    keys = [tuple(name for _, name in primary)] if primary else []
    for index in _sqlite_indexes(connection, table):
        key = tuple(name for name, _collation in index)
        if key not in keys:
            keys.append(key)
    return keys


def _sqlite_indexes(
    connection: BaseDatabaseWrapper, table: str
) -> list[list[tuple[str, str]]]:
    """List the columns, with their collations, of each unique index on whole rows."""
    quote = connection.ops.quote_name
    indexes = []
    with connection.cursor() as cursor:
        cursor.execute(f"PRAGMA index_list({quote(table)})")
        for _, name, is_unique, _origin, is_partial in cursor.fetchall():
            if not is_unique or is_partial:
                continue
            cursor.execute(f"PRAGMA index_xinfo({quote(name)})")
            columns = [
                (column, collation)
                for _, _, column, _, collation, is_key in cursor.fetchall()
                if is_key
            ]
            if all(column for column, _collation in columns):
                indexes.append(columns)
    return indexes

"""The few shapes of SQL in which MySQL and SQLite differ."""

from collections.abc import Iterable, Mapping

from django.db.models import DateTimeField

from core.importing.loading.staging import ROWS, Staging
from core.importing.targets.fields import AnyField

TEXT_TYPES = ("char", "varchar", "text", "tinytext", "mediumtext", "longtext", "enum")


def quote(staging: Staging, name: str) -> str:
    return staging.connection.ops.quote_name(name)


def column(staging: Staging, field: AnyField) -> str:
    return quote(staging, str(field.column))


def joined(staging: Staging, fields: Iterable[AnyField]) -> str:
    """Compare fields of a row of the table ``t`` with those of a staged row ``s``.

    The table's column stands first: SQLite takes the collation of the left side.
    """
    return " AND ".join(
        f"t.{column(staging, field)} = s.{staging.column(field)}" for field in fields
    )


def differs(staging: Staging, fields: Iterable[AnyField]) -> str:
    """Tell whether any of the values is another, by a letter's case as well."""
    same = " AND ".join(_is_same(staging, field) for field in fields)
    return f"NOT ({same})" if same else "1 = 0"


def _is_same(staging: Staging, field: AnyField) -> str:
    left = f"t.{column(staging, field)}"
    right = f"s.{staging.column(field)}"
    is_text = staging.target.column(field).type.lower().startswith(TEXT_TYPES)
    if staging.connection.vendor == "mysql":
        if is_text:
            left, right = f"CAST({left} AS BINARY)", f"CAST({right} AS BINARY)"
        same = f"{left} <=> {right}"
    else:
        same = f"{left}{' COLLATE BINARY' if is_text else ''} IS {right}"
    if isinstance(field, DateTimeField):
        return f"({same} OR {_is_same_millisecond(staging, left, right)})"
    return same


def _is_same_millisecond(staging: Staging, left: str, right: str) -> str:
    """Tell whether a moment without its microseconds is the one of the sheet.

    A date cell holds no microseconds, so that an export would come back changed.
    """
    if staging.connection.vendor == "mysql":
        return f"{left} - INTERVAL MICROSECOND({left}) % 1000 MICROSECOND <=> {right}"
    whole, given = (f"substr({value} || '.000', 1, 23)" for value in (left, right))
    return f"(substr({right}, 24) IN ('', '000') AND {whole} IS {given})"


def update_staged(staging: Staging, values: Mapping[str, str], join: str) -> str:
    """Make the UPDATE of staged rows ``s`` from the rows ``t`` of the table."""
    table = quote(staging, staging.target.table)
    if staging.connection.vendor == "mysql":
        assigned = ", ".join(f"s.{name} = {value}" for name, value in values.items())
        return f"UPDATE {ROWS} s JOIN {table} t ON {join} SET {assigned}"
    assigned = ", ".join(f"{name} = {value}" for name, value in values.items())
    return f"UPDATE {ROWS} AS s SET {assigned} FROM {table} t WHERE {join}"


def update_table(staging: Staging, fields: Iterable[AnyField], condition: str) -> str:
    """Make the UPDATE of rows ``t`` of the table from the staged rows ``s``."""
    table = quote(staging, staging.target.table)
    join = identified(staging)
    values = {column(staging, field): f"s.{staging.column(field)}" for field in fields}
    if staging.connection.vendor == "mysql":
        assigned = ", ".join(f"t.{name} = {value}" for name, value in values.items())
        return (
            f"UPDATE {table} t JOIN {ROWS} s ON {join} SET {assigned} WHERE {condition}"
        )
    assigned = ", ".join(f"{name} = {value}" for name, value in values.items())
    return (
        f"UPDATE {table} AS t SET {assigned} FROM {ROWS} s WHERE {join} AND {condition}"
    )


def identified(staging: Staging) -> str:
    """Compare a row ``t`` of the table with the one that a staged row ``s`` means."""
    return " AND ".join(
        f"t.{column(staging, field)} = s.{name}"
        for field, name in staging.identity.items()
    )

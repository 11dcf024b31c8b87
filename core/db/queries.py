"""Rows of hand-written SQL, through Django's connections and their pool."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.db import connections


def fetch_all(
    sql: str,
    params: Sequence[Any] | Mapping[str, Any] | None = None,
    *,
    as_dict: bool = False,
    using: str = "default",
) -> list[Any]:
    """Run one statement; give all its rows as tuples or as dictionaries.

    Placeholders are ``%s`` (or ``%(name)s``) on every database. A statement
    without rows gives ``[]``. Raises what ``django.db`` raises.
    """
    with connections[using].cursor() as cursor:
        cursor.execute(sql, params)
        if cursor.description is None:
            return []
        rows = cursor.fetchall()
        if not as_dict:
            return list(rows)
        names = [column[0] for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in rows]

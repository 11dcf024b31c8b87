from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper


@contextmanager
def driver_cursor(connection: BaseDatabaseWrapper) -> Iterator[Any]:
    """Give a cursor that no execute wrapper watches; errors are Django's own."""
    connection.ensure_connection()
    with (
        connection.wrap_database_errors,
        closing(connection.create_cursor()) as cursor,
    ):
        yield cursor

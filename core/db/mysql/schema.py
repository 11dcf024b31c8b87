from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db.backends.mysql import schema

from core.db.mysql.lease import Lease


class DatabaseSchemaEditor(schema.DatabaseSchemaEditor):
    """Waits for a change of a table as long as it takes.

    ``ALTER TABLE`` may copy a table for an hour, and the server goes on when the
    client has left: with ``read_timeout`` the migration would fail although its
    change is made, and could then not be run again.
    """

    def execute(self, sql: Any, params: Any = ()) -> None:
        if self.collect_sql:
            super().execute(sql, params)
            return
        self.connection.ensure_connection()
        with without_read_timeout(self.connection.connection):
            super().execute(sql, params)


@contextmanager
def without_read_timeout(connection: Any) -> Iterator[None]:
    physical: Any = (
        connection.connection if isinstance(connection, Lease) else connection
    )
    usual, physical._read_timeout = physical._read_timeout, None
    try:
        yield
    finally:
        physical._read_timeout = usual

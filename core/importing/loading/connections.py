"""The connection that an import works on."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper

# An INSERT of a million rows is one statement; the site's own never take so long.
READ_TIMEOUT_SECONDS = 3600


@contextmanager
def import_connection(using: str) -> Iterator[BaseDatabaseWrapper]:
    """Give a connection for one import: of its own where that makes it faster.

    On MySQL only a connection of its own may load rows in bulk, and what it leaves
    in the session (temporary table, lock) goes with it. It is no member of a pool.
    Within a transaction of the caller the import is a part of that transaction, so
    it uses the caller's connection.
    """
    usual = connections[using]
    if usual.vendor != "mysql" or is_in_transaction(usual):
        yield usual
        return
    from core.importing.loading.mysql import loading_connection

    own = loading_connection(usual, READ_TIMEOUT_SECONDS)
    try:
        yield own
    finally:
        own.close()


def is_in_transaction(connection: BaseDatabaseWrapper) -> bool:
    connection.ensure_connection()
    return connection.in_atomic_block or not connection.get_autocommit()


@contextmanager
def in_place_of_usual(connection: BaseDatabaseWrapper) -> Iterator[None]:
    """Let this thread use the connection wherever it names the database's alias.

    So ``atomic()``, the models and the hooks at COMMIT work on it as on any other.
    """
    usual = connections[connection.alias]
    connections[connection.alias] = connection
    try:
        yield
    finally:
        connections[connection.alias] = usual

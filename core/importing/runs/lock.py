"""One import at a time into a table.

The lock belongs to a connection or an open file, so that it is free the moment its
process is gone, however that ends. It protects no data, which transactions and
unique keys do: it gives the second import a sentence instead of a failure, and
tells of a run that is said to be running whether it still is.
"""

import fcntl
import hashlib
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.db.backends.base.base import BaseDatabaseWrapper

# Whoever looks whether the lock is free holds it for a moment.
LOOK_SECONDS = 0.2


class TableBusy(Exception):
    """Another import is at work in the table."""


@contextmanager
def table_lock(connection: BaseDatabaseWrapper, table: str) -> Iterator[None]:
    """Hold the lock of the table, or raise ``TableBusy`` at once."""
    if connection.vendor == "mysql":
        with _server_lock(connection, table):
            yield
    elif path := _lock_file(connection):
        with _file_lock(path):
            yield
    else:
        yield  # a database in memory, which only this process has


def is_free(connection: BaseDatabaseWrapper, table: str) -> bool:
    """Tell whether nobody holds the lock."""
    if connection.vendor == "mysql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT IS_USED_LOCK(%s)", [_lock_name(connection, table)])
            return cursor.fetchone()[0] is None
    path = _lock_file(connection)
    if path is None or not path.exists():
        return True
    try:
        with _file_lock(path):
            return True
    except TableBusy:
        return False


@contextmanager
def _server_lock(connection: BaseDatabaseWrapper, table: str) -> Iterator[None]:
    name = _lock_name(connection, table)
    with connection.cursor() as cursor:
        cursor.execute("SELECT GET_LOCK(%s, 0)", [name])
        if cursor.fetchone()[0] != 1:
            raise TableBusy
    try:
        yield
    finally:
        # A lost connection has lost the lock; nothing may hide why it was lost.
        if connection.is_usable():
            with connection.cursor() as cursor:
                cursor.execute("SELECT RELEASE_LOCK(%s)", [name])


def _lock_name(connection: BaseDatabaseWrapper, table: str) -> str:
    """Name the lock within the 64 characters that servers take, for any table."""
    place = f"{connection.settings_dict['NAME']}.{table}".lower()
    return f"core_importing:{hashlib.sha256(place.encode()).hexdigest()[:40]}"


def _lock_file(connection: BaseDatabaseWrapper) -> Path | None:
    """SQLite takes one writer at a time: one lock serves all of its tables."""
    if connection.is_in_memory_db():  # type: ignore[attr-defined]
        return None
    return Path(f"{connection.settings_dict['NAME']}-importing")


@contextmanager
def _file_lock(path: Path) -> Iterator[None]:
    descriptor = _locked(path)
    try:
        yield
    finally:
        # First away, then free: who waits for nothing else will make a new file.
        path.unlink(missing_ok=True)
        os.close(descriptor)


def _locked(path: Path) -> int:
    deadline = time.monotonic() + LOOK_SECONDS
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if _is_same_file(path, descriptor):
                return descriptor
        except BlockingIOError:
            os.close(descriptor)
            if time.monotonic() >= deadline:
                raise TableBusy from None
            time.sleep(0.01)
            continue
        except BaseException:
            os.close(descriptor)
            raise
        # Its last holder has removed it between our open() and flock().
        os.close(descriptor)


def _is_same_file(path: Path, descriptor: int) -> bool:
    try:
        there = path.stat()
    except FileNotFoundError:
        return False
    return os.path.samestat(there, os.fstat(descriptor))

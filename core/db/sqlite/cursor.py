from collections.abc import Iterator
from itertools import islice
from typing import Any

from django.db.backends.sqlite3 import base

WRITES = ("INSERT", "UPDATE", "DELETE", "REPLAC")


class Cursor(base.SQLiteCursorWrapper):
    """Reads what a write returns at once: SQLite refuses COMMIT while it may go on.

    Whoever commits directly after a statement (``INSERT … RETURNING`` in a
    transaction of its own) cannot wait for somebody to fetch the rows.
    """

    _returned: Iterator[Any] | None = None

    def execute(self, query: str, params: Any = None) -> Any:
        self._returned = None
        result = super().execute(query, params)
        if self.description and query.lstrip()[:6].upper() in WRITES:
            self._returned = iter(super().fetchall())
        return result

    def fetchone(self) -> Any:
        if self._returned is None:
            return super().fetchone()
        return next(self._returned, None)

    def fetchmany(self, size: int | None = None) -> list[Any]:
        size = self.arraysize if size is None else size
        if self._returned is None:
            return super().fetchmany(size)
        return list(islice(self._returned, size))

    def fetchall(self) -> list[Any]:
        if self._returned is None:
            return super().fetchall()
        return list(self._returned)

    def __next__(self) -> Any:
        if self._returned is None:
            return super().__next__()
        return next(self._returned)

"""Cursors that end with the loan of their connection."""

from functools import lru_cache
from typing import Any

from pymysql import err
from pymysql.cursors import SSCursor

from core.db.mysql.driver import Connection
from core.db.mysql.statements import changes_session


class LeasedCursor:
    """Mixin of cursor classes that ends with the lease it was made under."""

    connection: Any
    lease: Any = None
    _executed: Any
    _is_template_noted = False

    def _get_db(self) -> Connection:
        if self.lease.connection is not self.connection and self.connection:
            raise err.InterfaceError(
                0, "The cursor's connection has gone back to the pool"
            )
        if self.connection is None:
            raise err.ProgrammingError("Cursor closed")
        return self.connection  # type: ignore[no-any-return]

    def close(self) -> None:
        if self.connection is None:
            return
        if self.lease.connection is self.connection:
            super().close()  # type: ignore[misc]
        else:
            # Not PyMySQL's close(), which reads what is left of a result.
            self.connection = None

    def execute(self, query: str | bytes, args: Any = None) -> Any:
        self._note(query)
        return super().execute(query, args)  # type: ignore[misc]

    def executemany(self, query: str, args: Any) -> Any:
        self._note(query)
        # execute() then gets the statement with its values, "a@b" for example.
        self._is_template_noted = True
        try:
            return super().executemany(query, args)  # type: ignore[misc]
        finally:
            self._is_template_noted = False

    def callproc(self, procname: str, args: Any = ()) -> Any:
        self._get_db().is_dirty = True
        return super().callproc(procname, args)  # type: ignore[misc]

    def _note(self, query: str | bytes) -> None:
        connection = self._get_db()
        if not (connection.is_dirty or self._is_template_noted):
            connection.is_dirty = changes_session(query)

    def _query(self, q: str) -> Any:
        # Before, not after: a failing statement is the one people look for.
        self._executed = q
        return super()._query(q)  # type: ignore[misc]


class LeasedUnbufferedCursor(LeasedCursor):
    """The same for cursors that read from the server as rows are fetched."""

    def read_next(self) -> Any:
        if not self._get_db().open:
            raise err.InterfaceError(0, "The connection was lost among the rows")
        return super().read_next()  # type: ignore[misc]

    def __del__(self) -> None:
        """Leave the rest of the result to the next command, or to the pool.

        PyMySQL reads it here, in whichever thread the finaliser happens to run.
        """


@lru_cache
def leased(cursor_class: type[Any]) -> type[Any]:
    """Give the cursor class with the mixin."""
    is_unbuffered = issubclass(cursor_class, SSCursor)
    mixin = LeasedUnbufferedCursor if is_unbuffered else LeasedCursor
    return type(cursor_class.__name__, (mixin, cursor_class), {})

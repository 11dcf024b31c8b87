from types import TracebackType
from typing import TYPE_CHECKING, Any, Self
from weakref import ref

from pymysql import err

from core.db.mysql.cursors import leased
from core.db.mysql.driver import Connection

if TYPE_CHECKING:
    from core.db.mysql.pool import MySQLPool


class Lease:
    """A lent connection, until ``close()`` gives it back.

    Everything of the driver's connection is there; after ``close()`` nothing is,
    neither here nor through cursors made here, so that a borrower that forgot to
    let go cannot reach into the next one's session.
    """

    __slots__ = ("__weakref__", "connection", "pool")

    def __init__(self, pool: "MySQLPool") -> None:
        self.pool = pool
        self.connection: Connection | None = None

    def hold(self, connection: Connection) -> None:
        # In this order: a lease that holds a lent connection is known to the pool,
        # which takes the connection away when the loan ends.
        connection.lease = ref(self)
        self.connection = connection

    def cursor(self, cursor: type[Any] | None = None) -> Any:
        connection = self._live()
        made = leased(cursor or connection.cursorclass)(connection)  # type: ignore[arg-type]
        made.lease = self
        return made

    def close(self) -> None:
        # Not set to None before: a lease that is interrupted here still holds the
        # connection, and with it the place in the pool that its finaliser frees.
        if self.connection is not None:
            self.pool.cache(self.connection)
            self.connection = None

    # What changes the session without a cursor

    def query(self, sql: str | bytes, unbuffered: bool = False) -> Any:
        self._live().is_dirty = True
        return self._live().query(sql, unbuffered)

    def select_db(self, db: str) -> None:
        self._live().is_dirty = True
        self._live().select_db(db)

    def set_character_set(self, charset: str, collation: str | None = None) -> None:
        # The reset restores what the connection was opened with.
        self._live().condemned = "character set changed"
        self._live().set_character_set(charset, collation)

    def set_charset(self, charset: str) -> None:
        self.set_character_set(charset)

    def ping(self, reconnect: bool = False) -> None:
        """Ask the server for an answer; never reconnects."""
        self._live().ping()

    def _live(self) -> Connection:
        if self.connection is None:
            raise err.InterfaceError(0, "The connection has gone back to the pool")
        return self.connection

    def __getattr__(self, name: str) -> Any:
        if name in self.__slots__:
            raise AttributeError(name)
        return getattr(self._live(), name)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def __del__(self) -> None:
        if (connection := getattr(self, "connection", None)) is not None:
            self.pool.abandon(connection)

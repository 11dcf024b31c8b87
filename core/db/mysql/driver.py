"""A physical connection: its login, its session, and what tells its condition."""

import os
import select
import sys
from collections.abc import Callable, Sequence
from threading import Thread
from traceback import StackSummary
from typing import Any, Self

from pymysql.constants import CLIENT, SERVER_STATUS

from core.db.mysql.protocol import SyncedConnection

COM_RESET_CONNECTION = 0x1F
_NO_TRANSACTION = SERVER_STATUS.SERVER_STATUS_AUTOCOMMIT
_TRANSACTION_BITS = _NO_TRANSACTION | SERVER_STATUS.SERVER_STATUS_IN_TRANS


def _original_poll() -> Any:
    """Give ``select.poll``, not gevent's: polling for 0 ms never needs to yield."""
    if "gevent.monkey" in sys.modules:
        from gevent.monkey import get_original

        return get_original("select", "poll")
    return select.poll


class Connection(SyncedConnection):
    """A physical connection with what a pool must know about it.

    ``is_dirty``: a statement may have changed session state.
    """

    is_dirty = False

    # PyMySQL's, with no types of their own.
    ssl: Any
    ctx: Any
    _ssl_required: Any

    # What the pool notes; it alone changes these.
    generation = 0
    expires_at = proven_at = sure_until = unneeded_at = lent_at = 0.0
    lent_times = 0
    is_reported = False
    borrower: Thread
    lent_from: StackSummary | None = None
    lease: Callable[[], Any] | None = None

    # Opening and closing

    @classmethod
    def open_within(
        cls,
        seconds: float,
        session: Sequence[str],
        *,
        like: "Connection | None" = None,
        **arguments: Any,
    ) -> Self:
        """Connect, log in and run the statements of the session.

        ``like``: an earlier connection whose TLS context serves again; building
        one takes longer than all the rest.

        PyMySQL's ``connect_timeout`` covers the TCP handshake alone: a frozen
        server, whose system still accepts, would be waited for without end.
        """
        seconds = min(arguments.pop("connect_timeout", seconds), seconds)
        if like is not None:
            arguments = {k: v for k, v in arguments.items() if k[:3] != "ssl"}
            arguments["ssl_disabled"] = True
        connection = cls(defer_connect=True, connect_timeout=seconds, **arguments)
        if like is not None:
            connection._take_tls_from(like)
        try:
            with connection.answering_within(seconds):
                connection.connect()
                connection.run_all(session)
        except BaseException:
            connection.discard()
            raise
        return connection

    def connect(self, sock: Any = None) -> None:
        super().connect(sock)
        self._poll = _original_poll()()
        self._poll.register(self._sock.fileno(), select.POLLIN)

    def _take_tls_from(self, other: "Connection") -> None:
        self.ssl, self._ssl_required = other.ssl, other._ssl_required
        if other.ssl:
            self.ctx = other.ctx
        if other._ssl_required:
            self.client_flag |= CLIENT.SSL

    def discard(self) -> None:
        """Close the socket without a word to the server."""
        self._force_close()
        self._closed = True

    def leave_to_parent(self) -> None:
        """Close this process' copy of the socket, after a fork.

        Not the file object on it: a thread that was reading at the time of the
        fork holds its lock, and does not exist here to release it.
        """
        if self._sock is not None:
            os.close(self._sock.detach())
            self._sock = None
        self._closed = True

    # Its condition, told without a round trip

    @property
    def is_silent(self) -> bool:
        """Tell that nothing has arrived.

        An idle MySQL connection must be silent. What arrives is the server's
        farewell, the end of the stream, or a reply that nobody waits for.
        """
        return self._sock is not None and not self._poll.poll(0)

    @property
    def is_clean(self) -> bool:
        """Tell that the connection may be lent again as it is."""
        return not (self.defect or self.is_dirty or self.is_in_transaction)

    @property
    def defect(self) -> str:
        """Why the connection must never be lent again, or ""."""
        if self._sock is None:
            return "lost"
        if self.in_flight:
            return "interrupted"
        if self.has_unread_result:
            return "unread result"
        return self.condemned

    @property
    def has_unread_result(self) -> bool:
        result = self._result
        return result is not None and bool(result.unbuffered_active or result.has_next)

    @property
    def is_in_transaction(self) -> bool:
        """Tell whether the server may hold a transaction open.

        Without autocommit any SELECT has begun one.
        """
        return self.server_status & _TRANSACTION_BITS != _NO_TRANSACTION  # type: ignore[no-any-return]

    # The session

    def run_all(self, statements: Sequence[str]) -> None:
        for statement in statements:
            self.query(statement)

    def reset_session(self) -> None:
        """Let the server forget transaction, variables, locks, temporary tables.

        MySQL also forgets the character set and autocommit, MariaDB keeps the
        database that a USE has chosen: all are set again.
        """
        self._execute_command(COM_RESET_CONNECTION, b"")
        self._read_ok_packet()
        self.set_character_set(self.charset, self.collation)
        if self.db:
            self.select_db(self.db)
        elif self._database() is not None:
            # No command leads back to none.
            self.condemned = "other database"
        self.autocommit(True)

    def _database(self) -> str | None:
        self.query("SELECT DATABASE()")
        ((name,),) = self._result.rows
        return name  # type: ignore[no-any-return]

"""What happens between a pool and the server: opening, checking, restoring, closing.

Here is the input and output of the pool; none of it happens with its lock held.
"""

from collections.abc import Callable, Sequence
from time import monotonic
from typing import Any

from pymysql import err

from core.db.mysql.driver import Connection
from core.db.mysql.options import PoolOptions

# Reasons to close a connection without a QUIT, which it could not take.
UNANSWERED = {"lost", "interrupted", "unread result", "abandoned", "thread ended"}
ASKED_AT_EACH_CONNECT = {"host", "user", "password"}


class ConnectionFactory:
    """Makes, checks, restores and closes the connections of one pool.

    ``session``: statements that every connection starts with. ``arguments``:
    PyMySQL's; ``user``, ``password`` and ``host`` may be functions that are asked at
    each connect. ``count`` is told of "pings", "rollbacks" and "resets".
    """

    def __init__(
        self,
        options: PoolOptions,
        session: Sequence[str],
        arguments: dict[str, Any],
        count: Callable[[str], None],
    ) -> None:
        self.options = options
        self.session = (*session, *options.setsession)
        self.arguments = arguments
        self._count = count

    def open(self, deadline: float, like: Connection | None = None) -> Connection:
        """Open a connection; ``like``: an earlier one, whose TLS context serves."""
        arguments = {
            name: value()
            if name in ASKED_AT_EACH_CONNECT and callable(value)
            else value
            for name, value in self.arguments.items()
        }
        seconds = max(deadline - monotonic(), 0.001)
        return Connection.open_within(seconds, self.session, like=like, **arguments)

    def why_not_alive(
        self, connection: Connection, deadline: float, doubt_before: float
    ) -> str:
        """Check a connection that was idle; give what is wrong with it, or ""."""
        if not connection.is_silent:
            return "lost"
        now = monotonic()
        if now >= connection.expires_at:
            return "max_lifetime"
        is_doubtful = (
            now >= connection.sure_until or connection.proven_at < doubt_before
        )
        if is_doubtful and self.options.ping:
            seconds = min(self.options.validation_timeout, max(deadline - now, 0.001))
            try:
                with connection.answering_within(seconds):
                    connection.ping()
            except err.Error:
                return "lost"
            connection.proven_at = monotonic()
            self._count("pings")
        return ""

    def restore(self, connection: Connection) -> str:
        """Undo what a borrower has left; give the reason why it cannot be, or ""."""
        if not (connection.is_dirty or connection.is_in_transaction):
            return ""
        try:
            # A frozen server must not keep the borrower; it rolls back by itself.
            with connection.answering_within(self.options.validation_timeout):
                if connection.is_dirty:
                    connection.reset_session()
                    connection.run_all(self.session)
                    connection.is_dirty = False
                    self._count("resets")
                else:
                    connection.rollback()
                    connection.autocommit(True)
                    self._count("rollbacks")
        except err.Error:
            return "lost"
        return connection.condemned

    def close(self, connection: Connection, reason: str) -> None:
        if reason in UNANSWERED:
            connection.discard()
        else:
            connection.close()

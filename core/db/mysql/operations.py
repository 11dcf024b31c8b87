"""What an operator does with a pool: look, drain, suspend, close."""

import logging
from time import monotonic
from typing import Any

from django.dispatch import Signal

from core import signals
from core.db.mysql.driver import Connection
from core.db.mysql.factory import ConnectionFactory
from core.db.mysql.waiting import WaitingLine

logger = logging.getLogger(__name__)


class Operations(WaitingLine):
    """The line with a switch, and with an exit for what leaves the pool."""

    factory: ConnectionFactory

    @property
    def is_closed(self) -> bool:
        return self._is_closed

    def drain(self) -> None:
        """Close the idle connections now and the lent ones when they come back."""
        with self._lock:
            # Nobody may come after this to notice them.
            self._reclaim()
            self._look_at_loans()
            self._generation += 1
            self._take_out_idle("closed")
        self._tidy_up()

    def close(self) -> None:
        """Drain for good: whoever waits, or asks later, gets ``PoolClosed``."""
        with self._lock:
            self._is_closed = True
            self._serve_waiting()
        self.drain()

    def suspend(self) -> None:
        """Let requests wait, up to their deadline, until ``resume()``."""
        with self._lock:
            self._is_suspended = True

    def resume(self) -> None:
        with self._lock:
            self._is_suspended = False
            self._serve_waiting()

    def forget(self) -> None:
        """Let go of connections that belong to the parent process.

        Called in the child of a fork, where the lock may be held for ever and a
        QUIT would end the parent's sessions.
        """
        self._is_closed = True
        self.cache = Connection.leave_to_parent
        for connection in [*self._idle_cache, *self._lent]:
            connection.leave_to_parent()

    def stats(self) -> dict[str, Any]:
        """Give counters since the start and the present state; times in ``_ms``."""
        with self._lock:
            now = monotonic()
            oldest = min((one.lent_at for one in self._lent), default=now)
            return {
                "name": self.options.name,
                "state": self._state(),
                "pool_max": self._maxconnections,
                "pool_size": self._size(),
                "pool_idle": len(self._idle_cache),
                "pool_lent": len(self._lent),
                "pool_connecting": len(self._opening),
                "requests_waiting": len(self._waiting),
                "longest_loan_ms": round((now - oldest) * 1000),
                **self.figures.as_dict(),
                "last_failure": str(self.outage.last_failure or ""),
            }

    def _state(self) -> str:
        if self._is_closed:
            return "closed"
        if self._is_suspended:
            return "suspended"
        return "down" if self.outage.attempts else "open"

    # What had to wait for the lock to be free

    def _tidy_up(self) -> None:
        while self._leaving or self._messages:
            try:
                if self._leaving:
                    self._close(*self._leaving.popleft())
                if self._messages:
                    level, message, arguments = self._messages.popleft()
                    logger.log(level, message, self.options.name, *arguments)
            except IndexError:  # another thread was faster
                return

    def _close(self, connection: Connection, reason: str) -> None:
        self.factory.close(connection, reason)
        self._announce(signals.connection_closed, connection, reason=reason)

    def _announce(self, signal: Signal, connection: Connection, **facts: Any) -> None:
        if signal.receivers:
            signal.send_robust(
                sender=type(self),
                pool=self.options.name,
                connection_id=connection.server_thread_id[0],
                **facts,
            )

    def _count(self, figure: str) -> None:
        with self._lock:
            setattr(self.figures, figure, getattr(self.figures, figure) + 1)

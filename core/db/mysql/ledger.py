"""Which connections are idle, which are lent, and to whom.

Invariant: *a connection is in the idle list if and only if it is open, in sync,
outside any transaction, and its session is as the pool made it.* ``_put_back()`` is
the only way into the list, and who calls it has looked at the flags of the driver
while the connection was lent, that is, in no other hands.

The lock protects lists and counters. Nothing is sent, received or waited for while
it is held, so that returning a connection never waits for the server. What is to be
closed or logged is laid down in ``_leaving`` and ``_messages`` for later.
"""

import logging
import threading
from collections import deque
from collections.abc import Callable
from time import monotonic
from typing import Any

import pymysql
from dbutils.pooled_db import PooledDB

from core.db.mysql.driver import Connection
from core.db.mysql.facts import ServerFacts
from core.db.mysql.figures import Figures
from core.db.mysql.options import PoolOptions

# Reasons after which other connections to the server are doubted too.
ALARMING = {"lost", "read-only"}


class Ledger(PooledDB):
    """DBUtils' lists and limits, with a note of every loan.

    ``_connections`` counts what is lent or being opened; with ``_idle_cache`` it
    never exceeds ``_maxconnections``, because one is opened only when none is idle.
    It is counted, not kept: no interruption can make it wrong.

    What DBUtils adds to that is left out on purpose: a lost connection is never
    replaced while it is lent, and no statement is ever run again. Both would lose
    the first half of a transaction and commit the second.
    """

    def __init__(self, options: PoolOptions) -> None:
        super().__init__(
            pymysql,
            maxcached=options.maxcached,
            maxconnections=options.maxconnections,
            blocking=options.blocking,
        )
        # DBUtils' is a Condition, which Python code takes and releases: a signal in
        # between would leave it taken. A lock's own methods cannot be interrupted.
        self._lock = threading.RLock()
        self.options = options
        self.figures = Figures()
        self.facts = ServerFacts()
        self._first: Connection | None = None
        self._is_closed = False
        self._generation = 0
        self._doubt_before = 0.0
        self._sure_seconds = options.ping_idle if options.ping else float("inf")
        self._idle_seconds = options.max_idle or float("inf")
        # What the short way back has no time for.
        self._is_choosy = bool(options.maxcached or options.maxusage)
        # Tickets of those who are opening a connection.
        self._opening: set[Any] = set()
        self._lent: set[Connection] = set()
        # Loans by number. Filled by finalisers, which may run anywhere, even with
        # the lock held.
        self._abandoned: deque[tuple[Connection, int]] = deque()
        self._leaving: deque[tuple[Connection, str]] = deque()
        self._messages: deque[tuple[int, str, tuple[object, ...]]] = deque()

    @property
    def _connections(self) -> int:
        return len(self._lent) + len(self._opening)

    @_connections.setter
    def _connections(self, value: int) -> None:
        """Ignore the zero that DBUtils begins with."""

    def abandon(self, connection: Connection) -> None:
        """Note a lent connection whose lease is gone; called by finalisers."""
        self._abandoned.append((connection, connection.lent_times))

    def __del__(self) -> None:
        """Do nothing: sockets close with their objects; finalisers send nothing."""

    # The lock is held in all that follow

    def _size(self) -> int:
        return self._connections + len(self._idle_cache)

    def _is_full(self) -> bool:
        return bool(self._maxconnections) and self._size() >= self._maxconnections

    def _lend(
        self,
        connection: Connection,
        borrower: threading.Thread,
        now: float,
        lease: Callable[[], Any] | None = None,
    ) -> None:
        # Complete before it counts as lent: another thread may look at any time for
        # connections whose borrower has ended.
        connection.borrower = borrower
        connection.lent_at = now
        connection.lent_times += 1
        connection.lease = lease
        self._lent.add(connection)

    def _learn_from(self, connection: Connection) -> None:
        """Let the first connection stand for the server, until that is another."""
        first = self._first
        if first is None or connection.server_version != first.server_version:
            self._first, self.facts = connection, ServerFacts()

    def _end_loan(self, connection: Connection, now: float) -> None:
        self.figures.usage_seconds += now - connection.lent_at
        self._lent.discard(connection)
        if connection.lease and (lease := connection.lease()):
            lease.connection = None

    def _put_back(self, connection: Connection) -> None:
        connection.sure_until = connection.proven_at + self._sure_seconds
        connection.unneeded_at = connection.proven_at + self._idle_seconds
        self._idle_cache.append(connection)

    def _why_not_kept(self, connection: Connection, now: float) -> str:
        """Give the reason why a connection in order is closed all the same, or ""."""
        if self._is_closed or connection.generation != self._generation:
            return "closed"
        if now >= connection.expires_at:
            return "max_lifetime"
        if (limit := self.options.maxusage) and connection.lent_times >= limit:
            return "maxusage"
        return ""

    def _is_one_too_many(self) -> bool:
        """Tell whether ``maxcached`` connections are idle already."""
        return bool(self._maxcached) and len(self._idle_cache) >= self._maxcached

    def _leave(self, connection: Connection, reason: str) -> None:
        self.figures.discards[reason] += 1
        self._leaving.append((connection, reason))

    def _sound_alarm(self, reason: str, now: float) -> None:
        """Doubt the other connections too."""
        if reason in ALARMING:
            self._doubt_before = now
        if reason == "read-only":
            self._generation += 1
            self._take_out_idle(reason)

    def _take_out_idle(self, reason: str) -> None:
        while self._idle_cache:
            self._leave(self._idle_cache.pop(), reason)

    def _take_out_unneeded(self, now: float) -> None:
        """The most recently used are lent first: the oldest lie at the front."""
        while self._idle_cache and self._idle_cache[0].unneeded_at <= now:
            self._leave(self._idle_cache.pop(0), "max_idle")

    # Loans that nobody ends

    def _reclaim(self) -> None:
        """Free the places of leases that were dropped without ``close()``."""
        while self._abandoned:
            connection, loan = self._abandoned.popleft()
            if connection in self._lent and connection.lent_times == loan:
                self._write_off(connection, "abandoned")

    def _look_at_loans(self) -> None:
        """Free the places of threads that have ended; report long loans."""
        # Not is_alive(), which is true for greenlets for ever. Taken with the lock
        # held: every borrower was running before its loan.
        running = set(threading.enumerate())
        limit = self.options.leak_after or float("inf")
        for connection in list(self._lent):
            if connection.borrower not in running:
                self._write_off(connection, "thread ended")
            elif connection.lease and connection.lease() is None:
                # Its finaliser was interrupted.
                self._write_off(connection, "abandoned")
            elif monotonic() - connection.lent_at > limit:
                self._report_leak(connection)

    def _write_off(self, connection: Connection, reason: str) -> None:
        self._log(
            logging.WARNING,
            "connection %s was not returned by thread %s (%s)",
            connection.server_thread_id[0],
            connection.borrower.name,
            reason,
        )
        self._end_loan(connection, monotonic())
        self._leave(connection, reason)

    def _report_leak(self, connection: Connection) -> None:
        if connection.is_reported:
            return
        connection.is_reported = True
        self._log(
            logging.WARNING,
            "connection %s is lent to thread %s for %.0f s\n%s",
            connection.server_thread_id[0],
            connection.borrower.name,
            monotonic() - connection.lent_at,
            "".join(connection.lent_from.format()) if connection.lent_from else "",
        )

    def _log(self, level: int, message: str, *arguments: object) -> None:
        self._messages.append((level, f"pool %s: {message}", arguments))

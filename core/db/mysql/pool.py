"""The pool: lends connections and takes them back.

Its parts: ``ledger`` knows who has which connection, ``waiting`` whose turn it is,
``factory`` talks to the server, ``operations`` is for its operators. Here they meet:
a step with the lock held, one with the server, one with the lock again.
"""

import logging
import traceback
from collections.abc import Sequence
from random import random
from time import monotonic
from typing import Any

from pymysql import err

from core import signals
from core.db.mysql.driver import Connection
from core.db.mysql.errors import SERVER_FULL, code_of
from core.db.mysql.factory import ConnectionFactory
from core.db.mysql.lease import Lease
from core.db.mysql.operations import Operations
from core.db.mysql.options import PoolOptions
from core.db.mysql.waiting import Ticket

logger = logging.getLogger(__name__)

FULL_RETRY_SECONDS = 0.1
# How soon a waiting thread notices what happened without a return.
LOOK_AROUND_SECONDS = 0.25
LIFETIME_JITTER = 0.1


class MySQLPool(Operations):
    """Lends physical connections, each to one borrower at a time."""

    def __init__(
        self, options: PoolOptions, session: Sequence[str], **arguments: Any
    ) -> None:
        """Make an empty pool.

        ``session``: statements that every physical connection starts with.
        ``arguments``: PyMySQL's; ``user``, ``password`` and ``host`` may be
        functions that are asked at each connect.
        """
        super().__init__(options)
        self.factory = ConnectionFactory(options, session, arguments, self._count)
        self._is_warm = False

    # Lending

    def connection(self, shareable: bool = True) -> Lease:
        """Lend a connection; ``shareable`` is DBUtils' and without effect.

        Raises ``PoolTimeout``, ``PoolExhausted``, ``PoolDown``, ``PoolClosed``, or
        what the server gave as the reason not to let us in.
        """
        now = monotonic()
        lease = Lease(self)
        try:
            connection = self.lend_at_once(lease, now)
            if self._leaving:
                self._tidy_up()
            if connection is None or not (
                self._is_sure(connection, now)
                or self._is_alive(connection, now + self.options.timeout)
            ):
                connection = self._lend_in_turn(lease, now + self.options.timeout)
            if self.options.leak_after:
                connection.is_reported = False
                connection.lent_from = traceback.extract_stack(limit=12)
        except BaseException:
            self._count("errors")
            lease.close()
            raise
        return lease

    def cache(self, con: Connection) -> None:
        """Take a lent connection back: into the idle list, or close it."""
        if con.is_clean and self.keep_at_once(con):
            return
        reason = "interrupted"
        try:
            reason = (
                con.defect
                or self._why_not_kept(con, monotonic())
                or self.factory.restore(con)
            )
            con.proven_at = monotonic()
            # The rows of the last statement, which nobody can ask for any more.
            con._result = None
        finally:
            # Also when a timeout of gevent strikes: the place must not get lost.
            self._settle(con, reason)

    def steady_connection(self) -> Connection:
        """Open a connection that is not the pool's; the caller closes it."""
        return self.factory.open(monotonic() + self.options.timeout)

    def _lend_in_turn(self, lease: Lease, deadline: float) -> Connection:
        ticket = Ticket(deadline)
        try:
            connection = self._wait_or_open(ticket)
            lease.hold(connection)
            return connection
        except BaseException:
            self._release(ticket)
            raise
        finally:
            self._tidy_up()

    def _wait_or_open(self, ticket: Ticket) -> Connection:
        while True:
            self.queue(ticket)
            if not ticket.is_served:
                self._wait(ticket)
            if ticket.error is not None:
                raise ticket.error from self.outage.last_failure
            if (connection := ticket.connection) is None:
                connection = self._open(ticket)
                if connection is not None:
                    return connection
                ticket.not_before = monotonic() + FULL_RETRY_SECONDS
            elif self._is_alive(connection, ticket.deadline):
                return connection
            else:
                ticket.connection = None

    def _wait(self, ticket: Ticket) -> None:
        began = monotonic()
        try:
            while not ticket.is_called_within(LOOK_AROUND_SECONDS):
                self.look_around(ticket)
                self._tidy_up()
        finally:
            with self._lock:
                self.figures.queued += 1
                self.figures.wait_seconds += monotonic() - began

    def _release(self, ticket: Ticket) -> None:
        """Take back what the ticket holds, for a borrower that gave up."""
        if (connection := self.release(ticket)) is not None:
            self.cache(connection)

    def _is_sure(self, connection: Connection, now: float) -> bool:
        """Tell whether a connection that was idle needs no further check."""
        return (
            now < connection.sure_until
            and now < connection.expires_at
            and connection.proven_at >= self._doubt_before
            and connection.is_silent
        )

    def _is_alive(self, connection: Connection, deadline: float) -> bool:
        """Check a connection that was idle; end its loan if it is not alive."""
        reason = self.factory.why_not_alive(connection, deadline, self._doubt_before)
        if reason:
            self._settle(connection, reason)
        return not reason

    def _settle(self, connection: Connection, reason: str) -> None:
        self.take_back(connection, reason)
        self._tidy_up()

    # Opening

    def _open(self, ticket: Ticket) -> Connection | None:
        """Open a connection with the permission held; ``None``: server is full."""
        began, generation = monotonic(), self._generation
        try:
            connection = self.factory.open(ticket.deadline, like=self._first)
        except err.Error as error:
            # Little was left of a long wait: that says nothing of the server.
            is_hasty = began > ticket.deadline - self.options.timeout / 2
            is_late = is_hasty and monotonic() >= ticket.deadline
            self.give_up(ticket, error, is_late=is_late)
            if code_of(error) in SERVER_FULL:
                return None
            raise
        now = monotonic()
        lifetime = self.options.max_lifetime or float("inf")
        connection.expires_at = now + lifetime * (
            1 - LIFETIME_JITTER * random()  # noqa: S311
        )
        connection.proven_at = now
        # Not what it is by now: a drain meanwhile is meant for this one, too.
        connection.generation = generation
        self.enter(ticket, connection, now - began)
        self._announce(
            signals.connection_opened, connection, elapsed_ms=(now - began) * 1000
        )
        self._warm_up(ticket.deadline)
        return connection

    def _warm_up(self, deadline: float) -> None:
        """Open ``mincached`` connections with the first one that succeeds."""
        with self._lock:
            is_first, self._is_warm = not self._is_warm, True
        while is_first and (ticket := self._ticket_to_warm_up(deadline)):
            try:
                if self._open(ticket) is None:
                    return
            except err.Error as error:
                logger.warning("pool %s: mincached: %s", self.options.name, error)
                return
            finally:
                self._release(ticket)

    def _ticket_to_warm_up(self, deadline: float) -> Ticket | None:
        with self._lock:
            if self._size() >= self.options.mincached or self._is_full():
                return None
            ticket = Ticket(deadline)
            self._opening.add(ticket)
            return ticket

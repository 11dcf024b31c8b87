"""Who gets a connection, and whose turn it is: first come, first served.

Each step here takes the lock, changes the ledger and lets go: methods whose names
begin with ``_`` are called with the lock held, all others take it.
"""

import logging
import threading
from collections import deque
from time import monotonic
from weakref import ref

from pymysql import err

from core.db.mysql.driver import Connection
from core.db.mysql.errors import PoolClosed, PoolDown, PoolExhausted, PoolTimeout
from core.db.mysql.lease import Lease
from core.db.mysql.ledger import Ledger
from core.db.mysql.options import PoolOptions
from core.db.mysql.outage import Outage


class Ticket:
    """What a borrower holds of the pool while it has no connection at once.

    Served with an idle connection, with the permission to open one (``None``), or
    with an error. ``not_before``: until then only an idle connection will do.
    Whatever interrupts the borrower, ``release()`` finds here what to give back.
    """

    __slots__ = (
        "bell",
        "borrower",
        "connection",
        "deadline",
        "error",
        "is_served",
        "not_before",
    )

    def __init__(self, deadline: float) -> None:
        self.bell: threading.Lock
        self.borrower = threading.current_thread()
        self.connection: Connection | None = None
        self.deadline = deadline
        self.error: Exception | None = None
        self.is_served = False
        self.not_before = 0.0

    def queue_up(self) -> None:
        self.bell = threading.Lock()
        self.bell.acquire()
        self.is_served = False

    def is_called_within(self, seconds: float) -> bool:
        """Wait for the bell, but not beyond the deadline."""
        seconds = max(0, min(seconds, self.deadline - monotonic()))
        return self.bell.acquire(timeout=seconds)


class WaitingLine(Ledger):
    """The ledger with a queue at its counter."""

    def __init__(self, options: PoolOptions) -> None:
        super().__init__(options)
        self.outage = Outage()
        self._is_suspended = False
        self._waiting: deque[Ticket] = deque()

    # Without waiting

    def lend_at_once(self, lease: Lease, now: float) -> Connection | None:
        """Lend an idle connection if there is one and nobody waits for it."""
        borrower = threading.current_thread()
        with self._lock:
            self.figures.requests += 1
            if (
                not self._idle_cache
                or self._waiting
                or self._abandoned
                or self._is_suspended
            ):
                return None
            # Out of the list before it is lent: what an interruption in between
            # loses is a connection, which closes; never could two borrowers get it.
            connection: Connection = self._idle_cache.pop()
            lease.connection = connection
            self._lend(connection, borrower, now, ref(lease))
            self._take_out_unneeded(now)
            return connection

    def keep_at_once(self, connection: Connection) -> bool:
        """Put a clean connection back if nothing else is to be done."""
        now = monotonic()
        with self._lock:
            idle = self._idle_cache
            if (
                self._waiting
                or self._is_choosy
                or self._is_closed
                or connection not in self._lent
                or connection.generation != self._generation
                or connection.expires_at <= now
                or (idle and idle[0].unneeded_at <= now)
            ):
                return False
            self._end_loan(connection, now)
            connection.proven_at = now
            self._put_back(connection)
        return True

    # With all that may have to be done

    def queue(self, ticket: Ticket) -> None:
        """Serve a ticket, or let it wait; raise if it must not wait."""
        ticket.queue_up()
        with self._lock:
            self._reclaim()
            self._waiting.append(ticket)
            self._serve_waiting()
            if not ticket.is_served and (error := self._refusal(ticket)):
                raise error from self.outage.last_failure

    def look_around(self, ticket: Ticket) -> None:
        """Serve from what became free without a return; raise after the deadline."""
        with self._lock:
            # One looks for all: a thousand who look four times a second are a load.
            if ticket is next((t for t in self._waiting if not t.is_served), None):
                self._reclaim()
                self._look_at_loans()
                self._serve_waiting()
            if not ticket.is_served and monotonic() >= ticket.deadline:
                # Else it could still be served after this.
                self._waiting.remove(ticket)
                raise self._timeout() from self.outage.last_failure

    def release(self, ticket: Ticket) -> Connection | None:
        """Take a ticket out of the line; give the connection that it still holds."""
        with self._lock:
            if ticket in self._waiting:
                self._waiting.remove(ticket)
            self._opening.discard(ticket)
            self._serve_waiting()
        return ticket.connection

    def enter(self, ticket: Ticket, connection: Connection, seconds: float) -> None:
        """Lend the connection that the holder of the ticket has opened."""
        with self._lock:
            self._learn_from(connection)
            ticket.connection = connection
            self._lend(connection, ticket.borrower, connection.proven_at)
            self._opening.discard(ticket)
            self.figures.connected += 1
            self.figures.connecting_seconds += seconds
            if self.outage.note_success():
                self._log(logging.WARNING, "the server is back")
            self._serve_waiting()

    def give_up(self, ticket: Ticket, error: err.Error, *, is_late: bool) -> None:
        """Take the permission back that was used in vain.

        ``is_late``: for want of time, which says nothing of the server; raises that.
        """
        with self._lock:
            self._opening.discard(ticket)
            self.figures.connecting_errors += 1
            if not is_late and self.outage.note_failure(error, monotonic()):
                self._log(logging.ERROR, "the server is down: %s", error)
            self._serve_waiting()
            if is_late:
                raise self._timeout() from self.outage.last_failure or error

    def take_back(self, connection: Connection, reason: str) -> None:
        """End a loan: the connection goes to the idle list, or leaves the pool."""
        now = monotonic()
        with self._lock:
            if connection not in self._lent:  # written off meanwhile
                return
            self._end_loan(connection, now)
            reason = reason or self._why_not_kept(connection, now)
            if not (reason or self._waiting) and self._is_one_too_many():
                reason = "maxcached"
            if reason:
                self._leave(connection, reason)
                self._sound_alarm(reason, now)
            else:
                self._put_back(connection)
            self._take_out_unneeded(now)
            if self._waiting:
                self._serve_waiting()

    def _serve_waiting(self) -> None:
        """Give what there is, in an order that can be taken up again.

        Whoever serves others may be interrupted after each step.
        """
        now = monotonic()
        for ticket in list(self._waiting):
            if ticket.is_served or self._serve(ticket, now):
                if not ticket.is_served:
                    ticket.is_served = True
                    ticket.bell.release()
                self._waiting.remove(ticket)
            elif ticket.not_before <= now:
                return

    def _serve(self, ticket: Ticket, now: float) -> bool:
        """Give what there is; tell whether there was anything."""
        if ticket.connection in self._lent or ticket in self._opening:
            pass
        elif self._is_closed:
            ticket.error = PoolClosed(self._describe("is closed"))
        elif self._is_suspended:
            return False
        elif self._idle_cache:
            # In this order: see lend_at_once().
            ticket.connection = self._idle_cache.pop()
            self._lend(ticket.connection, ticket.borrower, now)
        elif self._is_full():
            return False
        elif self.outage.forbids_to_connect(now, is_asked=bool(self._opening)):
            ticket.error = PoolDown(self._describe("the server is down"))
        elif (
            ticket.not_before > now or len(self._opening) >= self.options.max_connecting
        ):
            return False
        else:
            # Not what an interrupted attempt to serve it has left there.
            ticket.connection = None
            self._opening.add(ticket)
        return True

    def _refusal(self, ticket: Ticket) -> Exception | None:
        if not self._blocking and self._is_full():
            return PoolExhausted(self._describe("all connections are in use"))
        if not self._blocking and ticket.not_before:
            return PoolExhausted(self._describe("the server has no room"))
        limit = self.options.max_waiting
        if limit and len(self._waiting) > limit:
            return PoolExhausted(self._describe(f"{limit} requests wait already"))
        return None

    def _timeout(self) -> PoolTimeout:
        seconds = self.options.timeout
        return PoolTimeout(self._describe(f"no connection within {seconds:g} s"))

    def _describe(self, what: str) -> str:
        text = (
            f"pool {self.options.name}: {what} ({self._size()} of "
            f"{self._maxconnections or 'any number'} connections, "
            f"{len(self._idle_cache)} idle, {len(self._waiting)} waiting)"
        )
        if (failure := self.outage.last_failure) is not None:
            text += f"; the last attempt to connect failed: {failure}"
        return text

"""The pool: DBUtils' PooledDB as the ledger, with lending rules of its own.

Invariant: *a connection is in the idle list if and only if it is open, in sync,
outside any transaction, and its session is as the pool made it.* It holds because
``cache()`` is the only way into the list, and looks at the flags of the driver
before it lets a connection in.

What DBUtils adds to that is left out on purpose: a lost connection is never
replaced while it is lent, and no statement is ever run again. Both would lose the
first half of a transaction and commit the second.

The lock protects lists and counters. Nothing is sent, received or waited for
while it is held, so that returning a connection never waits for the server.
"""

import logging
import random
import threading
import traceback
from collections import Counter, defaultdict, deque
from collections.abc import Sequence
from time import monotonic
from typing import Any

import pymysql
from dbutils.pooled_db import PooledDB
from pymysql import err
from pymysql.constants import CR, ER

from core import signals
from core.db.mysql.driver import Connection
from core.db.mysql.errors import PoolClosed, PoolDown, PoolExhausted, PoolTimeout
from core.db.mysql.lease import Lease
from core.db.mysql.options import PoolOptions

logger = logging.getLogger(__name__)

# The server has no room; another connection's end will make some.
SERVER_FULL = {ER.CON_COUNT_ERROR, ER.TOO_MANY_USER_CONNECTIONS, ER.USER_LIMIT_REACHED}
# Nobody answers there; unlike a wrong password, all further attempts are in vain.
SERVER_DOWN = {CR.CR_CONNECTION_ERROR, CR.CR_CONN_HOST_ERROR, CR.CR_UNKNOWN_HOST}
SERVER_DOWN |= {CR.CR_SERVER_GONE_ERROR, CR.CR_SERVER_LOST}
FULL_RETRY_SECONDS = 0.1
DOWN_RETRY_SECONDS = (1, 2, 5)
# How soon a waiting thread notices what happened without a return.
LOOK_AROUND_SECONDS = 0.25
LIFETIME_JITTER = 0.1
# Reasons to close a connection without a QUIT, which it could not take.
UNANSWERED = {"lost", "interrupted", "unread result", "abandoned", "thread ended"}
# Reasons after which other connections to the server are doubted too.
ALARMING = {"lost", "read-only"}


class Ticket:
    """What a borrower holds of the pool, from asking until its lease is made.

    Served with an idle connection, with the permission to open one (``None``), or
    with an error. ``not_before``: until then only an idle connection will do.
    Whatever interrupts the borrower, ``_release()`` finds here what to give back.
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


class MySQLPool(PooledDB):
    """Lends physical connections, each to one borrower at a time.

    In DBUtils' ledger ``_connections`` counts those that are lent or being opened;
    with ``_idle_cache`` it never exceeds ``_maxconnections``, because one is opened
    only when none is idle. It is counted, not kept: no interruption can make it
    wrong.
    """

    def __init__(
        self, options: PoolOptions, session: Sequence[str], **arguments: Any
    ) -> None:
        """Make an empty pool.

        ``session``: statements that every physical connection starts with.
        ``arguments``: PyMySQL's; ``user``, ``password`` and ``host`` may be
        functions that are asked at each connect.
        """
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
        self.session = (*session, *options.setsession)
        # What the short way back has no time for.
        self._is_choosy = bool(options.maxcached or options.maxusage)
        self._sure_seconds = options.ping_idle if options.ping else float("inf")
        self._idle_seconds = options.max_idle or float("inf")
        self.arguments = arguments
        self.facts: dict[str, Any] = {}
        self._first: Connection | None = None
        self._is_closed = self._is_suspended = self._is_warm = False
        self._generation = 0
        self._waiting: deque[Ticket] = deque()
        self._opening: set[Ticket] = set()
        self._lent: set[Connection] = set()
        # Loans by number. Filled by finalisers, which may run anywhere, even with
        # the lock held.
        self._abandoned: deque[tuple[Connection, int]] = deque()
        # Closed, and written to the log, once the lock is free.
        self._leaving: deque[tuple[Connection, str]] = deque()
        self._messages: deque[tuple[int, str, tuple[object, ...]]] = deque()
        self._doubt_before = 0.0
        self._down_attempts = 0
        self._down_until = 0.0
        self._last_failure: Exception | None = None
        self._requests = 0
        self._counts: Counter[str] = Counter()
        self._seconds: defaultdict[str, float] = defaultdict(float)
        self._discards: Counter[str] = Counter()

    @property
    def _connections(self) -> int:
        return len(self._lent) + len(self._opening)

    @_connections.setter
    def _connections(self, value: int) -> None:
        """Ignore the zero that DBUtils begins with."""

    # Lending

    def connection(self, shareable: bool = True) -> Lease:
        """Lend a connection; ``shareable`` is DBUtils' and without effect.

        Raises ``PoolTimeout``, ``PoolExhausted``, ``PoolDown``, ``PoolClosed``, or
        what the server gave as the reason not to let us in.
        """
        now = monotonic()
        ticket = Ticket(now + self.options.timeout)
        try:
            connection = self._take_at_once(ticket)
            if connection is None or not (
                self._is_sure(connection, now) or self._is_alive(ticket, connection)
            ):
                connection = self._wait_or_open(ticket)
            if self.options.leak_after:
                connection.lent_from = traceback.extract_stack(limit=12)
            return Lease(self, connection)
        except BaseException:
            self._count("requests_errors")
            self._release(ticket)
            raise

    def cache(self, con: Connection) -> None:
        """Take a lent connection back: into the idle list, or close it."""
        if con.is_clean and self._keep_at_once(con):
            return
        reason = "interrupted"
        try:
            reason = self._clean(con)
            con.proven_at = monotonic()
            # The rows of the last statement, which nobody can ask for any more.
            con._result = None
        finally:
            # Also when a timeout of gevent strikes: the place must not get lost.
            self._settle(con, reason)

    def abandon(self, connection: Connection) -> None:
        """Note a lent connection whose lease is gone; called by finalisers."""
        self._abandoned.append((connection, connection.lent_times))

    def _wait_or_open(self, ticket: Ticket) -> Connection:
        try:
            while True:
                connection = self._take(ticket)
                if connection is None:
                    connection = self._open(ticket)
                    if connection is not None:
                        return connection
                    ticket.not_before = monotonic() + FULL_RETRY_SECONDS
                elif self._is_alive(ticket, connection):
                    return connection
        finally:
            self._tidy_up()

    def _take_at_once(self, ticket: Ticket) -> Connection | None:
        """Take an idle connection if there is one and nobody waits for it."""
        with self._lock:
            self._requests += 1
            if (
                not self._idle_cache
                or self._waiting
                or self._abandoned
                or self._is_suspended
            ):
                return None
            self._lend_idle(ticket)
            return ticket.connection

    def _is_sure(self, connection: Connection, now: float) -> bool:
        """Tell whether an idle connection needs no further check."""
        return (
            now < connection.sure_until
            and now < connection.expires_at
            and connection.proven_at >= self._doubt_before
            and connection.is_silent
        )

    def _keep_at_once(self, connection: Connection) -> bool:
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

    def _take(self, ticket: Ticket) -> Connection | None:
        """Take an idle connection, or the permission to open one (``None``)."""
        ticket.queue_up()
        with self._lock:
            self._reclaim()
            self._waiting.append(ticket)
            self._serve_waiting()
            if not ticket.is_served and (error := self._refusal(ticket)):
                raise error from self._last_failure
        if not ticket.is_served:
            self._wait(ticket)
        if ticket.error is not None:
            raise ticket.error from self._last_failure
        return ticket.connection

    def _refusal(self, ticket: Ticket) -> Exception | None:
        if not self._blocking and self._is_full():
            return PoolExhausted(self._describe("all connections are in use"))
        if not self._blocking and ticket.not_before:
            return PoolExhausted(self._describe("the server has no room"))
        limit = self.options.max_waiting
        if limit and len(self._waiting) > limit:
            return PoolExhausted(self._describe(f"{limit} requests wait already"))
        return None

    def _wait(self, ticket: Ticket) -> None:
        began = monotonic()
        try:
            while not ticket.bell.acquire(
                timeout=max(0, min(LOOK_AROUND_SECONDS, ticket.deadline - monotonic()))
            ):
                self._look_around(ticket)
        finally:
            with self._lock:
                self._counts["requests_queued"] += 1
                self._seconds["requests_wait"] += monotonic() - began

    def _look_around(self, ticket: Ticket) -> None:
        """Serve from what became free without a return; raise after the deadline."""
        with self._lock:
            self._reclaim()
            self._look_at_loans()
            self._serve_waiting()
            if not ticket.is_served and monotonic() >= ticket.deadline:
                # Else it could still be served after this.
                self._waiting.remove(ticket)
                raise self._timeout() from self._last_failure
        self._tidy_up()

    def _release(self, ticket: Ticket) -> None:
        """Take back what the ticket holds, for a borrower that gave up."""
        with self._lock:
            if ticket in self._waiting:
                self._waiting.remove(ticket)
            self._opening.discard(ticket)
            self._serve_waiting()
        if ticket.connection is not None:
            self.cache(ticket.connection)

    def _timeout(self) -> PoolTimeout:
        seconds = self.options.timeout
        return PoolTimeout(self._describe(f"no connection within {seconds:g} s"))

    # The ledger; the lock is held in all of these

    def _is_full(self) -> bool:
        return bool(self._maxconnections) and self._size() >= self._maxconnections

    def _size(self) -> int:
        return self._connections + len(self._idle_cache)

    def _serve_waiting(self) -> None:
        """Give what there is, first come, first served.

        In an order that can be taken up again: whoever serves others may be
        interrupted after each step.
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
        if ticket.connection in self._lent or ticket in self._opening:
            pass
        elif self._is_closed:
            ticket.error = PoolClosed(self._describe("is closed"))
        elif self._is_suspended:
            return False
        elif self._idle_cache:
            self._lend_idle(ticket)
        elif self._is_full():
            return False
        elif now < self._down_until or (self._down_attempts and self._opening):
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

    def _lend_idle(self, ticket: Ticket) -> None:
        # Out of the list before it is lent: what an interruption in between loses
        # is a connection, which closes; never could two borrowers get it.
        ticket.connection = self._idle_cache.pop()
        self._lend(ticket.connection, ticket.borrower)

    def _lend(self, connection: Connection, borrower: threading.Thread) -> None:
        # At once, not when the lease is made: meanwhile another thread may look
        # for connections whose borrower has ended.
        connection.borrower = borrower
        connection.lent_at = monotonic()
        connection.lent_times += 1
        connection.lent_from, connection.is_reported = None, False
        connection.lease = None
        self._lent.add(connection)

    def _put_back(self, connection: Connection) -> None:
        connection.sure_until = connection.proven_at + self._sure_seconds
        connection.unneeded_at = connection.proven_at + self._idle_seconds
        self._idle_cache.append(connection)

    def _end_loan(self, connection: Connection, now: float) -> None:
        self._seconds["usage"] += now - connection.lent_at
        self._lent.discard(connection)
        if connection.lease and (lease := connection.lease()):
            lease.connection = None

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

    def _leave(self, connection: Connection, reason: str) -> None:
        self._discards[reason] += 1
        self._leaving.append((connection, reason))

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

    # The lock is not held any more

    def _tidy_up(self) -> None:
        """Do what had to wait for the lock to be free."""
        while self._leaving or self._messages:
            try:
                if self._leaving:
                    self._close(*self._leaving.popleft())
                if self._messages:
                    level, message, arguments = self._messages.popleft()
                    logger.log(level, message, self.options.name, *arguments)
            except IndexError:  # another thread was faster
                return

    # Opening and checking

    def _open(self, ticket: Ticket) -> Connection | None:
        """Open a connection with the permission held; ``None``: server is full."""
        began = monotonic()
        try:
            connection = self._connect(ticket.deadline)
        except err.Error as error:
            # Little was left of a long wait: that says nothing of the server.
            is_hasty = began > ticket.deadline - self.options.timeout / 2
            is_late = is_hasty and monotonic() >= ticket.deadline
            with self._lock:
                self._opening.discard(ticket)
                self._counts["connections_errors"] += 1
                if not is_late:
                    self._note_failure(error)
                self._serve_waiting()
            if is_late:
                raise self._timeout() from self._last_failure or error
            if code_of(error) in SERVER_FULL:
                return None
            raise
        seconds = monotonic() - began
        with self._lock:
            self._enter(ticket, connection, seconds)
            self._serve_waiting()
        self._announce_opened(connection, seconds)
        self._warm_up(ticket.deadline)
        return connection

    def _connect(self, deadline: float) -> Connection:
        arguments = {
            name: value()
            if name in {"host", "user", "password"} and callable(value)
            else value
            for name, value in self.arguments.items()
        }
        seconds = max(deadline - monotonic(), 0.001)
        return Connection.open_within(
            seconds, self.session, like=self._first, **arguments
        )

    def _enter(self, ticket: Ticket, connection: Connection, seconds: float) -> None:
        """Enter a new connection into the ledger; the lock is held."""
        now = monotonic()
        lifetime = self.options.max_lifetime or float("inf")
        if (
            self._first is None
            or connection.server_version != self._first.server_version
        ):
            self._first, self.facts = connection, {}
        connection.generation = self._generation
        connection.proven_at = now
        connection.expires_at = now + lifetime * (
            1 - LIFETIME_JITTER * random.random()  # noqa: S311
        )
        ticket.connection = connection
        self._lend(connection, ticket.borrower)
        self._opening.discard(ticket)
        self._counts["connections_num"] += 1
        self._seconds["connections"] += seconds
        if self._down_attempts:
            self._log(logging.WARNING, "the server is back")
        self._down_attempts, self._down_until = 0, 0.0
        self._last_failure = None

    def _note_failure(self, error: err.Error) -> None:
        """Remember why; stop trying for a while if nobody answers; lock held."""
        self._last_failure = error
        if code_of(error) not in SERVER_DOWN:
            return
        if not self._down_attempts:
            self._log(logging.ERROR, "the server is down: %s", error)
        pause = DOWN_RETRY_SECONDS[min(self._down_attempts, 2)]
        self._down_attempts += 1
        self._down_until = monotonic() + pause

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

    def _is_alive(self, ticket: Ticket, connection: Connection) -> bool:
        """Check a connection taken from the idle list; give it up if it is not."""
        reason = self._why_not_alive(connection, ticket.deadline)
        if reason:
            self._settle(connection, reason)
            ticket.connection = None
        return not reason

    def _why_not_alive(self, connection: Connection, deadline: float) -> str:
        if not connection.is_silent:
            return "lost"
        now = monotonic()
        if now >= connection.expires_at:
            return "max_lifetime"
        is_doubtful = (
            now - connection.proven_at >= self._sure_seconds
            or connection.proven_at < self._doubt_before
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

    # Taking back

    def _clean(self, connection: Connection) -> str:
        """Restore the session; give the reason why it cannot be, or ""."""
        if reason := self._why_unfit(connection):
            return reason
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

    def _why_unfit(self, connection: Connection) -> str:
        if connection.defect:
            return connection.defect
        if self._is_closed or connection.generation != self._generation:
            return "closed"
        if monotonic() >= connection.expires_at:
            return "max_lifetime"
        if (limit := self.options.maxusage) and connection.lent_times >= limit:
            return "maxusage"
        return ""

    def _settle(self, connection: Connection, reason: str) -> None:
        """Close the loan in the ledger: to the idle list, or out of the pool."""
        now = monotonic()
        with self._lock:
            if connection not in self._lent:  # written off meanwhile
                return
            self._end_loan(connection, now)
            reason = reason or self._why_not_kept(connection)
            if reason:
                self._leave(connection, reason)
                self._sound_alarm(reason, now)
            else:
                self._put_back(connection)
            self._take_out_unneeded(now)
            if self._waiting:
                self._serve_waiting()
        if self._leaving or self._messages:
            self._tidy_up()

    def _why_not_kept(self, connection: Connection) -> str:
        """Look once more, with the lock held, at what another thread may change."""
        if self._is_closed or connection.generation != self._generation:
            return "closed"
        limit = self._maxcached
        is_full = limit and len(self._idle_cache) >= limit and not self._waiting
        return "maxcached" if is_full else ""

    def _sound_alarm(self, reason: str, now: float) -> None:
        """Doubt the other connections too; lock held."""
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

    def _close(self, connection: Connection, reason: str) -> None:
        if reason in UNANSWERED:
            connection.discard()
        else:
            connection.close()
        if signals.connection_closed.receivers:
            signals.connection_closed.send_robust(
                sender=type(self),
                pool=self.options.name,
                connection_id=connection.server_thread_id[0],
                reason=reason,
            )

    def _announce_opened(self, connection: Connection, seconds: float) -> None:
        if signals.connection_opened.receivers:
            signals.connection_opened.send_robust(
                sender=type(self),
                pool=self.options.name,
                connection_id=connection.server_thread_id[0],
                elapsed_ms=seconds * 1000,
            )

    # Operation

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
        self.cache = Connection.leave_to_parent  # type: ignore[method-assign,assignment]
        for connection in [*self._idle_cache, *self._lent]:
            connection.leave_to_parent()

    def stats(self) -> dict[str, Any]:
        """Give counters since the start and the present state; times in ``_ms``."""
        with self._lock:
            now = monotonic()
            lent_since = [connection.lent_at for connection in self._lent]
            return {
                "name": self.options.name,
                "state": self._state(),
                "pool_max": self._maxconnections,
                "pool_size": self._size(),
                "pool_idle": len(self._idle_cache),
                "pool_lent": len(self._lent),
                "pool_connecting": len(self._opening),
                "requests_waiting": len(self._waiting),
                "requests_num": self._requests,
                "requests_queued": self._counts["requests_queued"],
                "requests_errors": self._counts["requests_errors"],
                "requests_wait_ms": self._milliseconds("requests_wait"),
                "usage_ms": self._milliseconds("usage"),
                "longest_loan_ms": round((now - min(lent_since, default=now)) * 1000),
                "connections_num": self._counts["connections_num"],
                "connections_ms": self._milliseconds("connections"),
                "connections_errors": self._counts["connections_errors"],
                "connections_lost": self._discards["lost"],
                "discards": dict(self._discards),
                "pings": self._counts["pings"],
                "rollbacks": self._counts["rollbacks"],
                "resets": self._counts["resets"],
                "last_failure": str(self._last_failure or ""),
            }

    def steady_connection(self) -> Connection:
        """Open a connection that is not the pool's; the caller closes it."""
        return self._connect(monotonic() + self.options.timeout)

    def __del__(self) -> None:
        """Do nothing: sockets close with their objects; finalisers send nothing."""

    def _count(self, name: str) -> None:
        with self._lock:
            self._counts[name] += 1

    def _milliseconds(self, name: str) -> int:
        return round(self._seconds[name] * 1000)

    def _state(self) -> str:
        if self._is_closed:
            return "closed"
        if self._is_suspended:
            return "suspended"
        return "down" if self._down_attempts else "open"

    def _describe(self, what: str) -> str:
        text = (
            f"pool {self.options.name}: {what} ({self._size()} of "
            f"{self._maxconnections or 'any number'} connections, "
            f"{len(self._idle_cache)} idle, {len(self._waiting)} waiting)"
        )
        if self._last_failure is not None:
            text += f"; the last attempt to connect failed: {self._last_failure}"
        return text


def code_of(error: BaseException) -> int:
    """Give the error number of MySQL, 0 if there is none."""
    code = error.args[0] if error.args else 0
    return code if isinstance(code, int) else 0

"""Whatever borrowers do, in whatever order, the pool's invariant holds.

A connection is in the idle list if and only if it is open, in sync, outside of any
transaction, and its session is as the pool made it.
"""

import gc
import itertools
from time import monotonic

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    multiple,
    precondition,
    rule,
    run_state_machine_as_test,
)
from pymysql import err
from pymysql.connections import Connection as PyMySQLConnection
from pymysql.connections import MySQLResult
from pymysql.cursors import SSCursor

from core.db.mysql import factory, ledger, operations, pool, waiting
from core.db.mysql.errors import PoolTimeout
from tests.core.db.faults.harness import in_thread
from tests.waiting import wait_until

PLACES = 3
SESSION = (
    "SELECT @a, @@autocommit, @@in_transaction, DATABASE(), @@sql_mode,"
    " @@tx_isolation, @@character_set_client,"
    " IFNULL(IS_USED_LOCK('property') = CONNECTION_ID(), 0)"
)
# The name of the database, because some may have said USE.
INSERT = "INSERT INTO inkstone.entries (text) VALUES ('x')"
# What leaves a session as it was, what a return restores, what ends a connection.
HARMLESS = ["SELECT 1", INSERT, "SHOW DATABASES"]
TRACES = [
    "SET @a = 1",
    "BEGIN",
    "SET autocommit = 0",
    "USE other",
    "SET sql_mode = ''",
    "SET SESSION TRANSACTION ISOLATION LEVEL SERIALIZABLE",
    "SET NAMES latin1",
    "SELECT GET_LOCK('property', 0)",
    "CREATE TEMPORARY TABLE IF NOT EXISTS leaked (id INT)",
]
WRONG = ["SELECT no_such_column", "no SQL at all", "INSERT INTO nowhere VALUES (1)"]


class Interruption(BaseException):
    pass


class Clock:
    """A monotonic clock that can be put forward."""

    def __init__(self, real):
        self.real, self.ahead = real, 0.0

    def __call__(self):
        return self.real() + self.ahead


class Borrowers(RuleBasedStateMachine):
    """Borrowers of one thread, and what must have become of their connections."""

    def __init__(self, site, root, clock):
        super().__init__()
        self.site, self.root, self.clock = site, root, clock
        self.pool = site.pool
        self.numbers = itertools.count()
        self.doomed = set()  # numbers of connections that must not be idle again
        self.killed = set()
        self.leases = {}
        clock.ahead = 0.0

    lent = Bundle("lent")  # keys of leases: hypothesis would keep these alive

    @initialize()
    def find_the_profile(self):
        with self.pool.connection() as lease:
            self.profile = self.session_of(lease.connection)

    @rule(target=lent)
    def borrow(self):
        if len(self.pool._lent) == PLACES:
            self.site.set_timeout(0.01)
            with pytest.raises(PoolTimeout):
                self.pool.connection()
            self.site.set_timeout(20)
            return multiple()
        key = next(self.numbers)
        self.leases[key] = self.pool.connection()
        return key

    @rule(key=lent, sql=st.sampled_from(HARMLESS + TRACES))
    def execute(self, key, sql):
        lease = self.leases[key]
        if self.is_usable(lease):
            lease.cursor().execute(sql)

    @rule(key=lent)
    def ask_for_its_own_row(self, key):
        lease = self.leases[key]
        if self.is_usable(lease):
            number = next(self.numbers)
            cursor = lease.cursor()
            cursor.execute("SELECT %s", [number])
            assert cursor.fetchall() == ((number,),)

    @rule(key=lent, sql=st.sampled_from(WRONG))
    def fail(self, key, sql):
        lease = self.leases[key]
        if self.is_usable(lease):
            with pytest.raises(err.Error):
                lease.cursor().execute(sql)

    @rule(key=lent)
    def begin(self, key):
        lease = self.leases[key]
        if self.is_usable(lease):
            lease.begin()

    @rule(key=lent)
    def switch_autocommit_off(self, key):
        lease = self.leases[key]
        if self.is_usable(lease):
            lease.autocommit(False)

    @rule(key=lent)
    def leave_rows_unread(self, key):
        lease = self.leases[key]
        if self.is_usable(lease):
            lease.cursor(SSCursor).execute("SELECT seq FROM seq_1_to_5")
            self.doom(lease)

    @rule(
        key=lent,
        place=st.sampled_from(
            [(MySQLResult, "read"), (PyMySQLConnection, "_write_bytes")]
        ),
    )
    def interrupt(self, key, place):
        """Before the reply is read, or in the middle of the command."""
        lease = self.leases[key]
        if not self.is_usable(lease):
            return

        def interrupted(connection, *args, **kwargs):
            raise Interruption

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(*place, interrupted)
            with pytest.raises(Interruption):
                lease.cursor().execute("SELECT 'of the interrupted'")
        self.doom(lease)

    @rule(key=lent)
    def kill_lent(self, key):
        lease = self.leases[key]
        if lease.connection is not None:
            self.kill(lease.connection)

    @precondition(lambda self: self.pool._idle_cache)
    @rule()
    def kill_idle(self):
        self.kill(self.pool._idle_cache[-1])

    @rule(key=consumes(lent))
    def give_back(self, key):
        lease = self.leases.pop(key)
        connection, is_fit = lease.connection, self.is_fit(lease)
        lease.close()
        # One that was killed may look fit until somebody asks for it.
        if connection is not None and connection.thread_id() not in self.killed:
            assert (connection in self.pool._idle_cache) == is_fit

    @rule(key=lent)
    def give_back_and_go_on(self, key):
        lease = self.leases[key]
        lease.close()
        with pytest.raises(err.InterfaceError):
            lease.cursor()

    @rule(key=consumes(lent))
    def drop(self, key):
        self.doom(self.leases[key])
        del self.leases[key]
        gc.collect()
        with self.pool._lock:
            self.pool._reclaim()

    @rule(key=lent)
    def give_back_in_another_thread(self, key):
        lease = self.leases[key]
        in_thread(lease.close).result(10)

    @rule()
    def drain(self):
        for lease in self.leases.values():
            self.doom(lease)
        self.pool.drain()

    @rule(seconds=st.sampled_from([1, 10, 100]))
    def let_time_pass(self, seconds):
        """Beyond ping_idle, max_idle and, after some steps, max_lifetime."""
        self.clock.ahead += seconds

    @invariant()
    def idle_connections_are_as_the_pool_made_them(self):
        for connection in self.pool._idle_cache:
            number = connection.thread_id()
            assert number not in self.doomed
            if number not in self.killed:
                assert self.session_of(connection) == self.profile
                assert connection.is_silent

    @invariant()
    def ledger_is_exact(self):
        stats = self.pool.stats()
        live = [lease for lease in self.leases.values() if lease.connection is not None]
        assert stats["pool_lent"] == len(live)
        assert stats["pool_size"] == len(live) + stats["pool_idle"] <= PLACES
        assert not set(self.pool._idle_cache) & self.pool._lent
        assert stats["requests_waiting"] == stats["pool_connecting"] == 0

    def teardown(self):
        for lease in self.leases.values():
            lease.close()
        with self.pool.connection():
            pass
        self.pool.drain()
        assert self.pool.stats()["pool_size"] == 0

    def session_of(self, connection):
        """Ask without the pool, and leave no trace."""
        connection.query(SESSION)
        return connection._result.rows

    def is_usable(self, lease):
        connection = lease.connection
        if connection is None:
            return False
        return connection.thread_id() not in self.doomed | self.killed

    def is_fit(self, lease):
        return self.is_usable(lease) and self.clock() < lease.connection.expires_at

    def doom(self, lease):
        if lease.connection is not None:
            self.doomed.add(lease.connection.thread_id())

    def kill(self, connection):
        number = connection.thread_id()
        if number in self.root.processes():
            self.root.kill(number)
        self.killed.add(number)


def test_idle_means_fit_and_the_ledger_is_exact(make_site, root, monkeypatch):
    clock = Clock(monotonic)
    for module in (factory, ledger, operations, pool, waiting):
        monkeypatch.setattr(module, "monotonic", clock)
    options = {
        "maxconnections": PLACES,
        "timeout": 20,
        "max_idle": 50,
        "max_lifetime": 300,
    }
    run_state_machine_as_test(
        lambda: Borrowers(make_site(options), root, clock),
        settings=settings(
            max_examples=80,
            stateful_step_count=30,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
    wait_until(lambda: root.transactions() == 0)

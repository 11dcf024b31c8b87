"""Interruptions at any point: no row for the wrong reader, no place lost."""

import gc
import itertools
import signal
import sys
import threading
import weakref

import pytest
from dbutils.pooled_db import InvalidConnectionError
from django.db import Error, InterfaceError, OperationalError, ProgrammingError
from pymysql.connections import MySQLResult

from core.db.mysql import (
    cursors,
    driver,
    factory,
    figures,
    lease,
    ledger,
    operations,
    outage,
    pool,
    protocol,
    results,
    statements,
    waiting,
)
from tests.core.db.faults.harness import in_thread
from tests.waiting import wait_until


class Interruption(BaseException):
    """Like KeyboardInterrupt, SystemExit and gevent.Timeout: no Exception."""


@pytest.fixture
def site(make_site):
    return make_site({"maxconnections": 1, "timeout": 2})


@pytest.fixture
def interrupt_before_reply(monkeypatch):
    """Interrupt the next command that is sent, before its reply is read."""

    def arm(owner=MySQLResult, name="read"):
        def interrupted(*args, **kwargs):
            monkeypatch.undo()
            raise Interruption

        monkeypatch.setattr(owner, name, interrupted)

    return arm


# 17: a reply that nobody has read


def test_reply_to_an_interrupted_query_reaches_nobody(site, interrupt_before_reply):
    with pytest.raises(Interruption), site.request():
        interrupted = site.connection_id()
        interrupt_before_reply()
        site.run("SELECT 'secret of the first reader'")

    with site.request():
        assert site.run("SELECT 'row of the second'") == [("row of the second",)]
        assert site.connection_id() != interrupted

    assert site.stats["discards"] == {"interrupted": 1}


def test_control_raw_dbutils_gives_the_first_readers_row_to_the_second(
    make_naive_site, interrupt_before_reply
):
    site = make_naive_site(maxconnections=1, ping=0, reset=False)
    with pytest.raises(Interruption), site.request():
        site.run("SELECT 1")
        interrupt_before_reply()
        site.run("SELECT 'secret of the first reader'")

    lent = site.connection.get_new_connection(site.connection.get_connection_params())
    with lent.cursor() as cursor:
        cursor.execute("SELECT 'row of the second'")
        assert cursor.fetchall() == (("secret of the first reader",),)


def test_control_ping_of_raw_dbutils_does_not_notice(
    make_naive_site, interrupt_before_reply
):
    site = make_naive_site(maxconnections=1, ping=1, reset=False)
    with pytest.raises(Interruption), site.request():
        site.run("SELECT 1")
        interrupt_before_reply()
        site.run("INSERT INTO entries (text) VALUES ('interrupted')")

    lent = site.connection.get_new_connection(site.connection.get_connection_params())
    with lent.cursor() as cursor:
        # The ping took the reply to the INSERT, this takes the reply to the ping.
        cursor.execute("SELECT 'row of the second'")
        assert not cursor.fetchall()


def test_rest_of_the_request_gets_no_wrong_row_either(site, interrupt_before_reply):
    with site.request():
        site.run("SELECT 1")
        interrupt_before_reply()
        with pytest.raises(Interruption):
            site.run("SELECT 'first'")

        with pytest.raises(OperationalError) as caught:
            site.run("SELECT 'second'")

    assert caught.value.args[0] == 2014


def test_interrupted_transaction_is_rolled_back(site, root, interrupt_before_reply):
    with pytest.raises(Interruption), site.request(), site.atomic():
        site.run("INSERT INTO entries (text) VALUES ('first')")
        interrupt_before_reply()
        site.run("INSERT INTO entries (text) VALUES ('second')")

    wait_until(lambda: root.transactions() == 0)
    assert root.entries() == []


def test_interruption_among_further_results_is_noticed(site, monkeypatch):
    with pytest.raises(Interruption), site.request():
        site.connection.ensure_connection()
        cursor = site.connection.connection.cursor()
        cursor.callproc("two_results")

        def interrupted(self):
            raise Interruption

        with monkeypatch.context() as patch:
            patch.setattr("pymysql.connections.MySQLResult.read", interrupted)
            cursor.nextset()

    assert site.answer("SELECT 'mine'") == [("mine",)]
    assert site.stats["discards"] == {"interrupted": 1}


def test_row_that_cannot_be_decoded_leaves_no_rest_behind(site):
    def fail(value):
        raise ValueError(value)

    with site.request():
        site.connection.ensure_connection()
        physical = site.connection.connection.connection
        physical.decoders = {**physical.decoders, 3: fail}
        with pytest.raises(ValueError):
            site.run("SELECT 1 UNION SELECT 2")
        with pytest.raises(OperationalError):
            site.run("SELECT 'next'")

    assert site.answer("SELECT 'mine'") == [("mine",)]


def test_signal_in_the_middle_of_a_query_leaves_the_pool_whole(site, root):
    def strike(number, frame):
        raise Interruption

    def send_signal(connection_id):
        root.await_statement(connection_id, "SLEEP")
        signal.pthread_kill(threading.main_thread().ident, signal.SIGUSR1)

    usual = signal.signal(signal.SIGUSR1, strike)
    try:
        with pytest.raises(Interruption), site.request():
            sender = in_thread(send_signal, site.connection_id())
            site.run("SELECT 'first', SLEEP(20)")
    finally:
        signal.signal(signal.SIGUSR1, usual)
    sender.result(5)

    assert site.answer("SELECT 'second'") == [("second",)]


# 19: close() inside of a transaction


def test_close_inside_atomic_commits_nothing_and_ends_the_block(site, root):
    with site.request(), site.atomic():
        site.run("INSERT INTO entries (text) VALUES ('first')")
        site.connection.close()

        with pytest.raises(ProgrammingError, match="Cannot open a new connection"):
            site.run("INSERT INTO entries (text) VALUES ('second')")

    assert root.entries() == []
    assert root.transactions() == 0


def test_connection_closed_inside_atomic_is_free_for_another_thread(site):
    with site.request(), site.atomic():
        site.run("SELECT 1")
        site.connection.close()

        assert in_thread(site.answer, "SELECT 2").result(5) == [(2,)]
        assert site.connection.connection is None


def test_control_closed_connection_of_raw_dbutils_is_no_error_of_django(
    make_naive_site,
):
    site = make_naive_site()

    with pytest.raises(InvalidConnectionError), site.request(), site.atomic():
        site.run("SELECT 1")
        site.connection.close()
        site.run("SELECT 2")

    assert not issubclass(InvalidConnectionError, Error)


# 20: cursors that outlive their loan


def test_stale_cursor_runs_nothing(site, root):
    with site.request():
        site.connection.ensure_connection()
        stale = site.connection.connection.cursor()
        stale.execute("SELECT 1")

    with site.request(), site.atomic():
        site.run("INSERT INTO entries (text) VALUES ('mine')")
        for run in (stale.execute, stale.executemany, stale.callproc):
            with pytest.raises(site.connection.Database.InterfaceError):
                run("DELETE FROM entries", [])

    assert root.entries() == ["mine"]


def test_stale_cursor_of_django_is_an_error_of_django(site):
    with site.request():
        stale = site.connection.cursor()

    with pytest.raises(InterfaceError, match="gone back to the pool"):
        stale.execute("SELECT 1")


def test_stale_lease_runs_nothing(site):
    with site.request():
        site.connection.ensure_connection()
        stale = site.connection.connection

    for method in ("cursor", "commit", "rollback", "ping", "begin"):
        with pytest.raises(site.connection.Database.InterfaceError):
            getattr(stale, method)()


def test_control_stale_cursor_of_raw_dbutils_joins_the_next_transaction(
    make_naive_site, root
):
    site = make_naive_site(maxconnections=1)
    with site.request():
        stale = site.connection.cursor()
        stale.execute("SELECT 1")

    with site.request(), site.atomic():
        stale.execute("INSERT INTO entries (text) VALUES ('of another request')")

    assert root.entries() == ["of another request"]


# 30: places


DRIVER = (cursors, driver, protocol, results, statements)
POOL = (factory, figures, lease, ledger, operations, outage, pool, waiting)
POOL_FILES = {module.__file__ for module in POOL}
OWN_FILES = POOL_FILES | {module.__file__ for module in DRIVER}


class Interrupter:
    """Raise at the n-th point where Python looks for signals: calls and returns.

    Between them, in CPython, no signal handler runs. ``count`` is how many of
    these points there have been in the pool's code.
    """

    def __init__(self, strike_at, files):
        self.strike_at, self.files, self.count = strike_at, files, 0

    def __enter__(self):
        sys.setprofile(self.watch)

    def __exit__(self, *exc_info):
        sys.setprofile(None)

    def watch(self, frame, event, argument):
        if event not in {"call", "c_return"}:
            return
        if frame.f_code.co_filename in self.files:
            self.count += 1
            if self.count == self.strike_at:
                sys.setprofile(None)
                raise Interruption


def borrow_query_return(pool):
    with pool.connection() as lent:
        lent.begin()
        lent.cursor().execute("SELECT 'row'")


def check_pool_is_whole(pool, root):
    limit = pool.options.maxconnections
    held = [pool.connection() for _ in range(limit)]
    for number, lent in enumerate(held):
        cursor = lent.cursor()
        cursor.execute("SELECT %s, @@in_transaction", [number])
        assert cursor.fetchall() == ((number, 0),)
        cursor.close()
        lent.close()
    assert pool.stats()["pool_size"] == pool.stats()["pool_idle"] == limit


# A finaliser that is interrupted is one of the cases.
finalisers_may_fail = pytest.mark.filterwarnings(
    "ignore::pytest.PytestUnraisableExceptionWarning"
)


def interruptions(work, files):
    """Do the work again and again, interrupted at the next point each time.

    ``files``: those whose points count. Yields after each interruption, and ends
    when the work has come to its end.
    """
    for strike_at in itertools.count(1):
        if not is_interrupted(work, Interrupter(strike_at, files)):
            assert strike_at > 10  # else the work ended before it began
            return
        # Now that nobody handles the exception, which knows the frames it passed.
        gc.collect()
        yield


def is_interrupted(work, interrupter):
    try:
        with interrupter:
            work()
    except Interruption:
        return True
    return False


@finalisers_may_fail
@pytest.mark.parametrize("start", ["with an idle connection", "by opening one"])
def test_no_interruption_anywhere_costs_a_place_or_mixes_replies(
    make_site, root, start, monkeypatch
):
    monkeypatch.setattr(pool, "LOOK_AROUND_SECONDS", 0.01)
    lending = make_site({"maxconnections": 2, "timeout": 2, "mincached": 2}).pool

    # What the driver does while it connects is one step to the pool.
    is_opening = start == "by opening one"
    files = POOL_FILES if is_opening else OWN_FILES

    for _ in interruptions(lambda: borrow_query_return(lending), files):
        check_pool_is_whole(lending, root)
        if is_opening:
            lending.drain()


@finalisers_may_fail
def test_no_interruption_of_who_waits_costs_a_place(make_site, root, monkeypatch):
    monkeypatch.setattr(pool, "LOOK_AROUND_SECONDS", 0.01)
    lending = make_site({"maxconnections": 1, "timeout": 2}).pool

    def return_when_awaited(lease, is_over):
        wait_until(lambda: lending._waiting or is_over.is_set())
        lease.close()

    def wait_for_connection():
        is_over = threading.Event()
        returning = in_thread(return_when_awaited, lending.connection(), is_over)
        try:
            borrow_query_return(lending)
        finally:
            is_over.set()
            returning.result(10)

    for _ in interruptions(wait_for_connection, POOL_FILES):
        check_pool_is_whole(lending, root)


@finalisers_may_fail
def test_no_interruption_of_who_returns_forgets_who_waits(make_site, root, monkeypatch):
    monkeypatch.setattr(pool, "LOOK_AROUND_SECONDS", 0.01)
    lending = make_site({"maxconnections": 1, "timeout": 5}).pool
    waiting = []

    def borrow_where_another_waits():
        with lending.connection():
            waiting.append(in_thread(borrow_query_return, lending))
            wait_until(lambda: lending._waiting)

    for _ in interruptions(borrow_where_another_waits, POOL_FILES):
        while waiting:
            waiting.pop().result(10)
        check_pool_is_whole(lending, root)


def test_control_interrupted_return_to_raw_dbutils_costs_the_place(
    make_naive_site, monkeypatch
):
    def interrupted(connection):
        raise Interruption

    site = make_naive_site(maxconnections=1)
    site.connection.ensure_connection()
    kept = site.connection.connection
    with monkeypatch.context() as patch, pytest.raises(Interruption):
        patch.setattr("pymysql.connections.Connection.rollback", interrupted)
        site.connection.close()

    waiting = in_thread(site.answer, "SELECT 1")
    with pytest.raises(TimeoutError):
        waiting.result(1)

    kept.close()
    assert waiting.result(5) == [(1,)]


def test_lease_that_is_dropped_gives_its_place_back_without_a_word(site, root):
    lent = site.pool.connection()
    lent.begin()
    lent.cursor().execute("INSERT INTO entries (text) VALUES ('abandoned')")
    gone = weakref.ref(lent)

    del lent
    gc.collect()

    assert gone() is None
    assert site.answer("SELECT 1") == [(1,)]
    assert site.stats["discards"] == {"abandoned": 1}
    wait_until(lambda: root.transactions() == 0)
    assert root.entries() == []


def test_finaliser_of_a_lease_does_not_wait_for_the_lock(site):
    lent = [site.pool.connection()]

    def drop():
        lent.clear()
        gc.collect()

    with site.pool._lock:
        in_thread(drop).result(5)


def test_warning_about_an_abandoned_connection_names_its_thread(site, caplog):
    site.pool.connection()

    site.answer("SELECT 1")

    assert threading.current_thread().name in caplog.text
    assert "abandoned" in caplog.text

"""Who gets a connection, who waits, for how long, and what ends a connection."""

import gc
import threading
import weakref
from time import monotonic

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import OperationalError

from core import signals
from core.db.mysql import pool as pool_module
from core.db.mysql.errors import PoolClosed, PoolExhausted, PoolTimeout
from tests.core.db.faults.harness import in_thread
from tests.core.db.faults.naive_pool import base as naive_pool
from tests.waiting import wait_until


def failure_of(site):
    with pytest.raises(OperationalError) as caught:
        site.answer("SELECT 1")
    return caught.value


def close_all(leases):
    for lease in leases:
        lease.close()


@pytest.fixture
def closed():
    """Record which connections pools have closed, and why."""
    seen = []

    def note(pool, connection_id, reason, **kwargs):
        seen.append((connection_id, reason))

    signals.connection_closed.connect(note)
    yield seen
    signals.connection_closed.disconnect(note)


# 11: all in use


def test_request_beyond_the_limit_fails_after_the_timeout(make_site):
    site = make_site({"maxconnections": 2})
    leases = [site.pool.connection() for _ in range(2)]
    site.set_timeout(0.3)
    began = monotonic()

    error = failure_of(site)

    assert monotonic() - began >= 0.3
    assert isinstance(error.__cause__, PoolTimeout)
    assert "no connection within 0.3 s (2 of 2 connections, 0 idle" in str(error)
    close_all(leases)


def test_capacity_is_whole_after_timeouts(make_site):
    site = make_site({"maxconnections": 2})
    leases = [site.pool.connection() for _ in range(2)]
    site.set_timeout(0.05)
    for _ in range(5):
        failure_of(site)
    close_all(leases)

    leases = [site.pool.connection() for _ in range(2)]

    assert site.stats["pool_size"] == 2
    assert site.stats["requests_errors"] == 5
    close_all(leases)


def test_control_raw_dbutils_waits_without_end(make_naive_site):
    site = make_naive_site(maxconnections=1)
    site.connection.ensure_connection()

    waiting = in_thread(site.answer, "SELECT 1")
    with pytest.raises(TimeoutError):
        waiting.result(1)

    site.connection.close()
    assert waiting.result(5) == [(1,)]


def test_without_blocking_the_next_request_fails_at_once(make_site):
    site = make_site({"maxconnections": 1, "blocking": False, "timeout": 20})
    lease = site.pool.connection()

    error = in_thread(failure_of, site).result(5)

    assert isinstance(error.__cause__, PoolExhausted)
    lease.close()


def test_without_blocking_there_is_no_failure_while_there_is_room(make_site, proxy):
    site = make_site(
        {"maxconnections": 6, "blocking": False, "max_connecting": 1}, port=proxy.port
    )
    proxy.stall()

    leases = [in_thread(site.pool.connection) for _ in range(6)]
    wait_until(lambda: site.stats["requests_waiting"] == 5)
    proxy.resume()

    close_all([lease.result(10) for lease in leases])
    assert site.stats["requests_errors"] == 0


def test_more_waiters_than_max_waiting_fail_at_once(make_site):
    site = make_site({"maxconnections": 1, "max_waiting": 2, "timeout": 20})
    lease = site.pool.connection()
    waiting = [in_thread(site.answer, "SELECT 1") for _ in range(2)]
    wait_until(lambda: site.stats["requests_waiting"] == 2)

    error = in_thread(failure_of, site).result(5)
    lease.close()

    assert "2 requests wait already" in str(error)
    assert [future.result(5) for future in waiting] == [[(1,)]] * 2


def test_waiters_are_served_in_the_order_of_their_arrival(make_site):
    site = make_site({"maxconnections": 1, "timeout": 20})
    lease = site.pool.connection()
    served, waiting = [], []

    def wait_in_line(number):
        with site.pool.connection():
            served.append(number)

    for number in range(10):
        waiting.append(in_thread(wait_in_line, number))
        wait_until(lambda: site.stats["requests_waiting"] == len(waiting))
    lease.close()
    for future in waiting:
        future.result(5)

    assert served == list(range(10))


def test_returned_connection_is_not_taken_by_a_late_comer(make_site):
    site = make_site({"maxconnections": 1, "timeout": 20})
    lease = site.pool.connection()
    waiting = in_thread(site.pool.connection)
    wait_until(lambda: site.stats["requests_waiting"] == 1)

    lease.close()

    assert site.pool.stats()["pool_lent"] == 1
    waiting.result(5).close()


def test_one_of_those_who_wait_looks_around_for_all(make_site, monkeypatch):
    monkeypatch.setattr(pool_module, "LOOK_AROUND_SECONDS", 0.01)
    site = make_site({"maxconnections": 1, "timeout": 20})
    lease, looking = site.pool.connection(), []
    monkeypatch.setattr(
        site.pool, "_look_at_loans", lambda: looking.append(threading.current_thread())
    )

    waiting = [in_thread(site.answer, "SELECT 1") for _ in range(5)]
    wait_until(lambda: site.stats["requests_waiting"] == 5)
    looking.clear()
    wait_until(lambda: len(looking) > 10)

    assert len(set(looking)) == 1
    lease.close()
    assert [future.result(5) for future in waiting] == [[(1,)]] * 5


def test_place_of_a_lost_connection_goes_to_who_waits(make_site, root):
    site = make_site({"maxconnections": 1, "timeout": 20})
    lease = site.pool.connection()
    waiting = in_thread(site.answer_with_id)
    wait_until(lambda: site.stats["requests_waiting"] == 1)

    root.kill(lease.thread_id())
    with pytest.raises(site.connection.Database.OperationalError):
        lease.ping()
    lease.close()

    assert waiting.result(5) not in {None, lease}


def test_little_time_left_to_connect_says_nothing_of_the_server(make_site, proxy):
    """A waiter that gets a place too late to connect fails; the others do not."""
    site = make_site({"maxconnections": 1}, port=proxy.port)
    lease = site.pool.connection()
    site.set_timeout(0.5)
    waiting = in_thread(failure_of, site)
    wait_until(lambda: site.stats["requests_waiting"] == 1)
    proxy.stall()
    lease.connection.condemned = "lost"
    wait_until(lambda: seconds_left(site) < 0.1)
    lease.close()
    error = waiting.result(5)
    proxy.resume()
    site.set_timeout(10)

    assert isinstance(error.__cause__, PoolTimeout)
    assert site.stats["state"] == "open"
    assert site.answer("SELECT 1") == [(1,)]


def seconds_left(site):
    (ticket,) = site.pool._waiting
    return ticket.deadline - monotonic()


def test_one_deadline_covers_all_replies_of_a_slow_server(make_site, proxy):
    site = make_site({"timeout": 0.5}, port=proxy.port)
    proxy.delay = 0.2
    began = monotonic()

    failure_of(site)

    # Five replies: one deadline for each would be 1 s in total, and no failure.
    assert monotonic() - began >= 0.5
    assert site.stats["pool_size"] == 0


def test_deadlines_that_end_while_places_become_free_lose_none(make_site):
    site = make_site({"maxconnections": 2})
    site.fill(2)
    site.set_timeout(0.002)
    pool = site.pool

    def ask_often(thread):
        timeouts = 0
        for number in range(100):
            try:
                with pool.connection() as lease:
                    cursor = lease.cursor()
                    cursor.execute("SELECT %s", [thread * 1000 + number])
                    assert cursor.fetchone() == (thread * 1000 + number,)
            except PoolTimeout:
                timeouts += 1
        return timeouts

    asking = [in_thread(ask_often, thread) for thread in range(30)]
    timeouts = sum(future.result(60) for future in asking)

    assert timeouts > 0
    assert site.stats["requests_errors"] == timeouts
    assert site.stats["pool_idle"] == site.stats["pool_size"] == 2
    assert site.stats["requests_waiting"] == 0


# mincached, maxcached, maxusage, max_connecting


def test_mincached_connections_are_opened_with_the_first(make_site):
    site = make_site({"mincached": 3, "maxconnections": 5})

    site.answer("SELECT 1")

    assert site.stats["pool_idle"] == 3


def test_mincached_never_exceeds_the_limit(make_site, root):
    site = make_site({"mincached": 4, "maxconnections": 4, "timeout": 10})
    together = threading.Barrier(4)

    def answer():
        with site.request():
            together.wait()
            site.run("SELECT 1")

    for future in [in_thread(answer) for _ in range(4)]:
        future.result(10)

    assert site.stats["pool_size"] == 4
    assert site.stats["connections_num"] == 4


def test_failure_to_open_mincached_does_not_fail_the_request(make_site, root, caplog):
    root.run("CREATE OR REPLACE USER lonely@'127.0.0.1' WITH MAX_USER_CONNECTIONS 1")
    root.run("GRANT ALL ON inkstone.* TO lonely@'127.0.0.1'")
    site = make_site({"mincached": 3, "maxconnections": 5}, USER="lonely")

    assert site.answer("SELECT 1") == [(1,)]

    assert site.stats["pool_size"] == 1
    root.run("DROP USER lonely@'127.0.0.1'")


def test_interruption_while_mincached_are_opened_costs_no_place(make_site):
    site = make_site({"mincached": 3, "maxconnections": 3})

    class Interruption(BaseException):
        pass

    def interrupt(**kwargs):
        signals.connection_opened.disconnect(interrupt)
        raise Interruption

    signals.connection_opened.connect(interrupt)
    with pytest.raises(Interruption):
        site.answer("SELECT 1")

    close_all([site.pool.connection() for _ in range(3)])
    assert site.stats["pool_size"] == 3


def test_no_more_than_maxcached_stay_idle(make_site, closed):
    site = make_site({"maxconnections": 5, "maxcached": 2})

    site.fill(5)

    assert site.stats["pool_idle"] == 2
    assert [reason for _, reason in closed] == ["maxcached"] * 3


def test_connection_is_closed_after_maxusage_loans(make_site, closed):
    site = make_site({"maxconnections": 1, "maxusage": 3})

    served_by = [site.answer_with_id() for _ in range(7)]

    assert len(set(served_by[:3])) == len(set(served_by[3:6])) == 1
    assert len(set(served_by)) == 3
    assert closed == [(served_by[0], "maxusage"), (served_by[3], "maxusage")]


def test_no_more_than_max_connecting_are_opened_at_a_time(make_site, proxy):
    site = make_site({"maxconnections": 8, "max_connecting": 2}, port=proxy.port)
    proxy.stall()
    waiting = [in_thread(site.pool.connection) for _ in range(8)]
    wait_until(lambda: site.stats["requests_waiting"] == 6)

    assert site.stats["pool_connecting"] == 2
    proxy.resume()
    close_all([future.result(10) for future in waiting])


# 14: old and unneeded connections


def test_old_connection_is_closed_on_return_never_inside_a_request(make_site, closed):
    site = make_site({"max_lifetime": 0.05})
    with site.request():
        old = site.connection_id()
        wait_until(lambda: monotonic() > site.connection.connection.expires_at)
        assert site.connection_id() == old

    assert closed == [(old, "max_lifetime")]


def test_connections_opened_together_do_not_end_together(make_site):
    site = make_site({"maxconnections": 20, "max_lifetime": 1000})
    leases = [site.pool.connection() for _ in range(20)]

    ends = sorted(lease.expires_at for lease in leases)
    close_all(leases)

    assert ends[-1] - ends[0] > 30
    assert ends[-1] - monotonic() <= 1000


def test_connections_that_nobody_needed_are_closed_at_the_next_loan(make_site, closed):
    site = make_site({"maxconnections": 4, "max_idle": 0.05})
    *unneeded, needed = site.fill(4)
    wait_until(lambda: monotonic() > site.pool._idle_cache[-1].unneeded_at)

    with site.request():
        assert site.connection_id() == needed
        assert closed == [(number, "max_idle") for number in unneeded]

    assert site.stats["pool_idle"] == 1


def test_connections_that_nobody_needed_are_closed_at_the_next_return(
    make_site, closed
):
    site = make_site({"maxconnections": 4, "max_idle": 0.05})
    lease = site.pool.connection()
    unneeded = site.fill(2)
    wait_until(lambda: monotonic() > site.pool._idle_cache[-1].unneeded_at)

    lease.close()

    assert closed == [(number, "max_idle") for number in unneeded]
    assert site.stats["pool_idle"] == 1


# 22: threads that end without a return


def keep_connection(site, kept):
    site.connection.ensure_connection()
    kept.append(site.connection.connection)


def test_place_of_a_thread_that_ended_is_free_before_a_waiter_gives_up(
    make_site, caplog
):
    site = make_site({"maxconnections": 1, "timeout": 10})
    kept = []
    thread = threading.Thread(
        target=keep_connection, args=[site, kept], name="forgetful"
    )
    thread.start()
    thread.join()

    assert site.answer("SELECT 1") == [(1,)]

    assert site.stats["discards"] == {"thread ended": 1}
    assert "forgetful" in caplog.text
    with pytest.raises(site.connection.Database.InterfaceError):
        kept[0].cursor()


def test_control_raw_dbutils_never_gets_the_place_back(make_naive_site):
    site = make_naive_site(maxconnections=1)
    kept = []
    in_thread(keep_connection, site, kept).thread.join()

    waiting = in_thread(site.answer, "SELECT 1")
    with pytest.raises(TimeoutError):
        waiting.result(1)

    kept[0].close()
    assert waiting.result(5) == [(1,)]


def test_place_of_a_running_thread_is_never_taken_away(make_site, monkeypatch):
    monkeypatch.setattr(pool_module, "LOOK_AROUND_SECONDS", 0.01)
    site = make_site({"maxconnections": 1})
    is_lent, may_end = threading.Event(), threading.Event()

    def hold():
        with site.request():
            site.run("SELECT 1")
            is_lent.set()
            may_end.wait()
            return site.run("SELECT 'still mine'")

    holder = in_thread(hold)
    is_lent.wait()
    site.set_timeout(0.3)
    failure_of(site)
    may_end.set()

    assert holder.result(5) == [("still mine",)]


def test_wrapper_of_a_thread_that_ended_frees_its_place(site):
    gone = []

    def forget():
        site.connection.ensure_connection()
        gone.append(weakref.ref(site.connection.connection))

    in_thread(forget).thread.join()
    gc.collect()

    assert gone[0]() is None
    assert site.answer("SELECT 1") == [(1,)]
    assert site.stats["pool_size"] == 1


def test_transaction_of_an_abandoned_connection_ends_with_the_next_request(
    make_site, root
):
    """Although there are idle connections enough: its locks hurt others."""
    site = make_site({"maxconnections": 5})
    idle, lent = site.pool.connection(), site.pool.connection()
    lent.begin()
    lent.cursor().execute("INSERT INTO entries (text) VALUES ('locked')")
    idle.close()
    del lent
    gc.collect()

    site.answer("SELECT 1")

    wait_until(lambda: root.transactions() == 0)


def test_long_loan_is_reported_once_with_its_place(make_site, caplog):
    site = make_site({"maxconnections": 1, "leak_after": 0.01})
    lease = site.pool.connection()
    site.set_timeout(0.3)

    failure_of(site)
    failure_of(site)
    lease.close()

    assert caplog.text.count("is lent to thread") == 1
    assert "test_long_loan_is_reported_once_with_its_place" in caplog.text


# 29: close, drain, suspend


def test_close_lets_waiters_fail_at_once(make_site):
    site = make_site({"maxconnections": 1, "timeout": 30})
    pool, lease = site.pool, site.pool.connection()
    waiting = [in_thread(pool.connection) for _ in range(3)]
    wait_until(lambda: pool.stats()["requests_waiting"] == 3)

    site.connection.close_pool()

    for future in waiting:
        assert isinstance(future.exception(5), PoolClosed)
    lease.close()


def test_connection_returned_after_close_is_closed(make_site, root):
    site = make_site()
    pool, lease = site.pool, site.pool.connection()
    number = lease.thread_id()
    site.connection.close_pool()

    lease.close()

    root.await_end(number)
    assert pool.stats()["pool_size"] == 0


def test_control_raw_dbutils_keeps_what_comes_back_after_close(make_naive_site, root):
    site = make_naive_site()
    with site.request():
        number = site.connection_id()
        naive_pool.pools[site.alias].close()

    assert number in root.processes()


def test_pool_is_made_anew_after_close(site):
    before = site.answer_with_id()
    site.connection.close_pool()

    assert site.answer_with_id() != before


def test_transaction_goes_on_after_close_of_the_pool(site, root):
    with site.request(), site.atomic():
        site.run("INSERT INTO entries (text) VALUES ('before')")
        site.connection.close_pool()
        site.run("INSERT INTO entries (text) VALUES ('after')")

    assert root.entries() == ["before", "after"]


def test_drain_replaces_all_connections_without_an_error(make_site):
    site = make_site({"maxconnections": 3})
    old = set(site.fill(2))
    with site.request():
        old.add(site.connection_id())
        site.pool.drain()
        site.run("SELECT 1")

    assert site.answer_with_id() not in old
    assert site.stats["discards"] == {"closed": 2}


def test_connection_that_was_being_opened_during_a_drain_does_not_stay(
    make_site, proxy
):
    site = make_site({"maxconnections": 3}, port=proxy.port)
    proxy.stall()
    answer = in_thread(site.answer, "SELECT 1")
    wait_until(lambda: site.stats["pool_connecting"] == 1)

    site.pool.drain()
    proxy.resume()

    assert answer.result(5) == [(1,)]
    assert site.stats["pool_idle"] == 0
    assert site.stats["discards"] == {"closed": 1}


def test_connection_that_is_returned_during_a_drain_does_not_stay(
    make_site, monkeypatch
):
    site = make_site()
    lease = site.pool.connection()
    lease.cursor().execute("SET @a = 1")
    restore = site.pool.factory.restore

    def restore_while_another_thread_drains(connection):
        reason = restore(connection)
        in_thread(site.pool.drain).result(5)
        return reason

    monkeypatch.setattr(
        site.pool.factory, "restore", restore_while_another_thread_drains
    )
    lease.close()

    assert site.stats["pool_idle"] == 0


def test_suspended_pool_lets_requests_wait_until_it_is_resumed(site):
    site.answer("SELECT 1")
    site.pool.suspend()
    waiting = [in_thread(site.answer, "SELECT 1") for _ in range(3)]
    wait_until(lambda: site.stats["requests_waiting"] == 3)

    site.pool.resume()

    assert [future.result(5) for future in waiting] == [[(1,)]] * 3


def test_suspended_pool_keeps_nobody_beyond_the_timeout(make_site):
    site = make_site({"timeout": 0.2})
    site.pool.suspend()

    assert isinstance(failure_of(site).__cause__, PoolTimeout)
    assert site.stats["state"] == "suspended"


# 31: the wall clock


def test_jump_of_the_wall_clock_changes_nothing(site, monkeypatch):
    before = site.answer_with_id()

    monkeypatch.setattr("time.time", lambda: 0.0)

    assert site.answer_with_id() == before


# Options that contradict each other stop the first query


@pytest.mark.parametrize(
    ("options", "settings"),
    [
        ({"maxconections": 3}, {}),
        ({"maxconnections": 2, "maxcached": 3}, {}),
        ({"ping": 2}, {}),
        ({}, {"CONN_MAX_AGE": 60}),
    ],
)
def test_wrong_options_are_improper(make_site, options, settings):
    site = make_site(options or True, **settings)

    with pytest.raises(ImproperlyConfigured):
        site.answer("SELECT 1")
    for name in settings:
        site.connection.settings_dict[name] = 0
    site.connection.settings_dict["OPTIONS"] = {"pool": True}


# 12: a storm

PLACES = 10


@pytest.fixture
def many_threads():
    usual = threading.stack_size(256 * 1024)
    yield
    threading.stack_size(usual)


def test_storm_of_threads_loses_nothing_and_starves_nobody(
    make_site, root, many_threads
):
    site = make_site({"maxconnections": PLACES, "timeout": 60})
    pool, start = site.pool, threading.Barrier(200)
    root.run("FLUSH STATUS")
    others = len(root.processes()) + 1

    def answer_many(thread):
        start.wait()
        longest = 0.0
        for number in range(200):
            began = monotonic()
            with pool.connection() as lease:
                longest = max(longest, monotonic() - began)
                cursor = lease.cursor()
                cursor.execute("SELECT %s", [thread * 1000 + number])
                assert cursor.fetchone() == (thread * 1000 + number,)
        return longest

    waits = [in_thread(answer_many, thread) for thread in range(200)]
    longest = max(future.result(60) for future in waits)

    stats = site.stats
    assert stats["requests_num"] == 200 * 200
    assert stats["requests_errors"] == 0
    assert stats["pool_size"] == stats["pool_idle"] == PLACES
    assert stats["connections_num"] == PLACES
    assert root.status("Max_used_connections") <= others + PLACES
    mean = stats["requests_wait_ms"] / 1000 / stats["requests_queued"]
    assert longest < 50 * max(mean, 0.02)

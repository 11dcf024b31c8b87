"""Servers that restart, go down, freeze, or are full."""

import threading
from time import monotonic

import pytest
from django.db import OperationalError

from core.db.mysql import outage
from core.db.mysql.errors import SERVER_FULL, PoolDown, PoolTimeout
from tests.core.db.faults.harness import in_thread
from tests.core.db.faults.naive_pool import base as naive_pool
from tests.waiting import wait_until

REFUSED, LOST, FULL = 2003, 2013, 1040


@pytest.fixture
def server(own_server):
    yield own_server
    own_server.resume()


@pytest.fixture
def stopped(server, root):
    """Stop the server in the middle of a test; start it again at its end."""
    yield server.stop
    if server._has_ended():
        server.start()


@pytest.fixture
def short_pause(monkeypatch):
    monkeypatch.setattr(outage, "RETRY_SECONDS", (0.2, 0.2, 0.2))


def failure_of(site):
    with pytest.raises(OperationalError) as caught:
        site.answer("SELECT 1")
    return caught.value


def is_answering(site):
    try:
        return site.answer("SELECT 1") == [(1,)]
    except OperationalError:
        return False


# 6: a restart


def test_restart_fails_no_request_after_it(make_site, server):
    site = make_site({"maxconnections": 10, "timeout": 10})
    old = set(site.fill(10))
    server.restart()
    start = threading.Barrier(50)

    def answer():
        start.wait()
        return [site.answer_with_id() for _ in range(3)]

    answers = [in_thread(answer) for _ in range(50)]
    served_by = {number for future in answers for number in future.result(30)}

    # The numbers of a restarted server begin anew: only the ledger can tell.
    assert len(served_by) <= 10
    assert site.stats["discards"] == {"lost": len(old)}
    assert site.stats["connections_num"] <= len(old) + 10


def test_restart_fails_at_most_the_requests_that_were_running(make_site, server):
    site = make_site({"maxconnections": 3, "timeout": 10})
    site.fill(3)

    with pytest.raises(OperationalError), site.request():
        site.connection_id()
        server.restart()
        site.run("SELECT 1")

    assert is_answering(site)
    assert site.stats["pool_size"] == 1


# 7: down


def test_outage_is_an_operational_error_that_says_why(site, root, stopped):
    site.answer("SELECT 1")
    stopped()

    error = failure_of(site)

    assert error.args[0] == REFUSED
    assert "refused" in str(error)


def test_after_the_first_failure_nobody_tries_to_connect(make_site, stopped, server):
    site = make_site({"timeout": 5})
    stopped()
    failure_of(site)
    failed_once = site.stats["connections_errors"]

    errors = [failure_of(site) for _ in range(100)]

    assert all(isinstance(error.__cause__, PoolDown) for error in errors)
    assert all("refused" in str(error) for error in errors)
    assert site.stats["connections_errors"] == failed_once
    assert site.stats["state"] == "down"


def test_site_recovers_by_itself(site, root, stopped, server, short_pause):
    stopped()
    failure_of(site)

    server.start()

    wait_until(lambda: is_answering(site))
    assert site.stats["state"] == "open"
    assert site.stats["last_failure"] == ""


def test_outage_leaves_nothing_behind(site, root, stopped, server, short_pause):
    site.answer("SELECT 1")
    stopped()
    threads = threading.active_count()
    for _ in range(50):
        failure_of(site)

    assert threading.active_count() == threads
    assert site.stats["pool_size"] == 0
    assert site.stats["requests_waiting"] == 0


def test_outage_and_recovery_are_logged_once_each(
    site, root, stopped, server, short_pause, caplog
):
    stopped()
    for _ in range(20):
        failure_of(site)
    server.start()
    wait_until(lambda: is_answering(site))
    site.answer("SELECT 1")

    assert caplog.text.count("the server is down") == 1
    assert caplog.text.count("the server is back") == 1


def test_one_request_alone_finds_out_whether_the_server_is_back(
    make_site, server, monkeypatch
):
    """The others fail at once, instead of waiting with it for a frozen server."""
    monkeypatch.setattr(outage, "RETRY_SECONDS", (0.01, 0.01, 0.01))
    site = make_site({"timeout": 0.2})
    server.freeze()
    failure_of(site)
    wait_until(lambda: monotonic() > site.pool.outage.until)
    site.set_timeout(20)
    probe = in_thread(is_answering, site)
    wait_until(lambda: site.stats["pool_connecting"] == 1)

    errors = [failure_of(site) for _ in range(20)]
    assert not probe.done()
    server.resume()

    assert all(isinstance(error.__cause__, PoolDown) for error in errors)
    assert probe.result(20)


# 8: frozen


def test_frozen_server_ends_a_borrower_at_its_read_timeout(make_site, server):
    site = make_site(options={"read_timeout": 0.3})
    with pytest.raises(OperationalError) as caught, site.request():
        site.run("SELECT 1")
        server.freeze()
        site.run("SELECT 1")

    assert caught.value.args[0] == LOST


def test_frozen_server_keeps_nobody_beyond_the_timeout(make_site, server):
    site = make_site({"timeout": 0.5, "maxconnections": 4})
    server.freeze()
    began = monotonic()

    errors = [in_thread(failure_of, site) for _ in range(20)]
    for error in errors:
        error.result(10)

    # Each took its own time, not its turn: twenty turns would be ten seconds.
    assert monotonic() - began < 5


def test_returns_and_figures_do_not_wait_for_a_frozen_server(make_site, server):
    site = make_site({"maxconnections": 5, "timeout": 20})
    lent = [site.pool.connection() for _ in range(3)]
    server.freeze()
    stuck = in_thread(site.pool.connection)
    wait_until(lambda: site.stats["pool_connecting"] == 1)

    def return_all():
        for lease in lent:
            lease.close()
        return site.stats["pool_idle"]

    # The connect needs 20 s to give up; a lock held meanwhile would hold this too.
    assert in_thread(return_all).result(5) == 3
    assert not stuck.done()
    server.resume()
    stuck.result(20).close()


def test_control_return_to_raw_dbutils_waits_for_a_frozen_server(
    make_naive_site, server
):
    site = make_naive_site(maxconnections=5)
    site.connection.ensure_connection()
    server.freeze()
    stuck = in_thread(site.answer, "SELECT 1")
    wait_until(lambda: not can_be_taken(naive_lock_of(site)))

    returned = in_thread(site.connection.connection.close)
    with pytest.raises(TimeoutError):
        returned.result(0.5)

    server.resume()
    returned.result(20)
    stuck.result(20)


def naive_lock_of(site):
    return naive_pool.pools[site.alias]._lock


def can_be_taken(lock):
    if lock.acquire(blocking=False):
        lock.release()
        return True
    return False


def test_thawed_server_is_used_again(make_site, server, short_pause):
    site = make_site({"ping_idle": 0, "validation_timeout": 0.1})
    site.fill(3)
    site.set_timeout(0.3)
    server.freeze()
    failure_of(site)

    server.resume()
    site.set_timeout(10)

    wait_until(lambda: is_answering(site))
    sizes = [site.answer("SELECT 1") for _ in range(5)]
    assert sizes == [[(1,)]] * 5


def test_unfinished_transaction_on_a_frozen_server_keeps_its_borrower_briefly(
    make_site, server
):
    site = make_site({"validation_timeout": 0.2, "timeout": 20})
    lease = site.pool.connection()
    lease.begin()
    server.freeze()

    in_thread(lease.close).result(5)

    assert site.stats["discards"] == {"lost": 1}


# 10: full


@pytest.fixture
def full(root, server):
    """Let the server have no room but for so many sessions of ``guest``."""
    root.run("CREATE OR REPLACE USER guest@'127.0.0.1'")
    root.run("GRANT ALL ON inkstone.* TO guest@'127.0.0.1'")

    def limit(sessions):
        limits = f"MAX_USER_CONNECTIONS {sessions}"
        root.run(f"ALTER USER guest@'127.0.0.1' WITH {limits}")

    yield limit
    root.run("DROP USER guest@'127.0.0.1'")


def test_full_server_is_waited_for_until_a_connection_comes_back(make_site, full):
    site = make_site({"maxconnections": 5, "timeout": 20}, USER="guest")
    full(1)
    lease = site.pool.connection()

    waiting = in_thread(site.answer, "SELECT 1")
    wait_until(lambda: site.stats["connections_errors"] >= 2)
    lease.close()

    assert waiting.result(10) == [(1,)]
    assert site.stats["pool_size"] == 1


def test_control_raw_dbutils_fails_although_a_connection_will_come_back(
    make_naive_site, full
):
    site = make_naive_site(maxconnections=5, user="guest")
    full(1)
    site.connection.ensure_connection()

    error = in_thread(failure_of, site).result(5)

    assert error.args[0] in SERVER_FULL


def test_full_server_is_waited_for_until_it_has_room(make_site, full):
    site = make_site({"maxconnections": 5, "timeout": 20}, USER="guest")
    full(1)
    lease = site.pool.connection()

    waiting = in_thread(site.answer_with_id)
    wait_until(lambda: site.stats["connections_errors"] >= 2)
    full(2)

    assert waiting.result(10) != lease.thread_id()
    lease.close()


def test_full_server_is_the_cause_of_the_timeout(make_site, full):
    site = make_site({"maxconnections": 5}, USER="guest")
    full(1)
    lease = site.pool.connection()
    site.set_timeout(1)

    error = failure_of(site)
    lease.close()

    assert "max_user_connections" in str(error)
    assert error.__cause__.__cause__.args[0] in SERVER_FULL
    assert site.stats["state"] == "open"
    assert is_answering(site)


def test_full_server_fails_at_once_without_blocking(make_site, full):
    site = make_site({"blocking": False, "timeout": 20}, USER="guest")
    full(1)
    lease = site.pool.connection()

    error = in_thread(failure_of, site).result(5)
    lease.close()

    assert "the server has no room" in str(error)
    assert "max_user_connections" in str(error)


def test_too_many_connections_of_all_users_counts_as_full_too(make_site, root, server):
    site = make_site({"maxconnections": 30, "timeout": 2}, USER="other_user")
    root.run("CREATE OR REPLACE USER other_user@'127.0.0.1'")
    root.run("GRANT ALL ON inkstone.* TO other_user@'127.0.0.1'")
    root.run("SET GLOBAL max_connections = 10")
    leases = []

    with pytest.raises(PoolTimeout) as caught:
        while True:
            leases.append(site.pool.connection())

    assert caught.value.__cause__.args[0] == FULL
    for lease in leases:
        lease.close()
    assert is_answering(site)
    root.run("SET GLOBAL max_connections = DEFAULT")
    root.run("DROP USER other_user@'127.0.0.1'")


# 25: not let in


def test_wrong_password_is_told_each_time_and_keeps_no_place(make_site, root):
    root.run("CREATE OR REPLACE USER known@'127.0.0.1' IDENTIFIED BY 'right'")
    site = make_site({"maxconnections": 2}, USER="known", PASSWORD="wrong")

    errors = [failure_of(site) for _ in range(5)]

    assert {error.args[0] for error in errors} == {1045}
    assert site.stats["pool_size"] == 0
    assert site.stats["state"] == "open"
    root.run("DROP USER known@'127.0.0.1'")


def test_unknown_database_is_told_each_time_and_keeps_no_place(make_site):
    site = make_site({"maxconnections": 2}, NAME="nowhere")

    errors = [failure_of(site) for _ in range(5)]

    assert {error.args[0] for error in errors} == {1049}
    assert site.stats["pool_size"] == 0


def test_password_does_not_appear_in_messages_and_figures(make_site, root, caplog):
    site = make_site({"maxconnections": 2}, USER="nobody", PASSWORD="kept-secret")

    error = failure_of(site)

    assert "kept-secret" not in f"{error} {site.stats} {caplog.text}"

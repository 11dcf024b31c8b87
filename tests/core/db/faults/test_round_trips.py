"""What requests cost at the server beyond their own statements."""

import threading

import pytest

from tests.core.db.faults.harness import in_thread

# Django's own backend says these around every atomic().
BEGIN, COMMIT, END = b"SET AUTOCOMMIT = 0", b"COMMIT", b"SET AUTOCOMMIT = 1"


@pytest.fixture
def site(make_site, proxy):
    site = make_site({"maxconnections": 2, "ping_idle": 60}, port=proxy.port)
    site.answer("SELECT 1")
    return site


def commands_of(proxy, work):
    """Give the commands, without their headers, that were sent for some work."""
    proxy.requests.clear()
    work()
    return [request[5:] for request in proxy.requests]


def test_hot_request_sends_its_own_statement_alone(site, proxy):
    commands = commands_of(proxy, lambda: site.answer("SELECT 'mine'"))

    assert commands == [b"SELECT 'mine'"]


def test_hot_request_of_a_new_thread_sends_its_own_statement_alone(site, proxy):
    commands = commands_of(
        proxy, lambda: in_thread(site.answer, "SELECT 'mine'").result(5)
    )

    assert commands == [b"SELECT 'mine'"]


def test_transaction_sends_what_django_sends(site, proxy):
    def work():
        with site.request(), site.atomic():
            site.run("SELECT 'mine'")

    assert commands_of(proxy, work) == [BEGIN, b"SELECT 'mine'", COMMIT, END]


def test_return_rolls_back_only_where_a_transaction_may_be_open(site, proxy):
    def work():
        with site.request():
            site.connection.set_autocommit(False)
            site.run("SELECT 'mine'")

    assert commands_of(proxy, work) == [BEGIN, b"SELECT 'mine'", b"ROLLBACK", END]


def test_connection_that_was_idle_for_long_costs_one_ping(site, proxy, monkeypatch):
    [idle] = site.pool._idle_cache
    monkeypatch.setattr(idle, "proven_at", 0.0)
    monkeypatch.setattr(idle, "sure_until", 0.0)

    commands = commands_of(proxy, lambda: site.answer("SELECT 'mine'"))

    assert commands == [b"", b"SELECT 'mine'"]
    assert site.stats["pings"] == 1


def test_health_checks_of_django_ask_at_each_request(make_site, proxy):
    site = make_site(port=proxy.port, CONN_HEALTH_CHECKS=True)
    site.answer("SELECT 1")

    commands = commands_of(proxy, lambda: site.answer("SELECT 'mine'"))

    assert commands == [b"", b"SELECT 'mine'"]


def test_new_connection_costs_three_statements(site, proxy):
    def work():
        with site.request():
            site.run("SELECT 'mine'")
            in_thread(site.answer, "SELECT 'mine'").result(5)

    commands = commands_of(proxy, work)

    login = next(command for command in commands if b"inkstone" in command)
    commands.remove(login)
    assert commands == [
        b"SELECT 'mine'",
        b"SET NAMES utf8mb4",
        b"SET sql_auto_is_null = 0",
        b"SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED",
        b"SELECT 'mine'",
    ]


def test_first_requests_ask_for_the_servers_facts_together_once(make_site, proxy):
    site = make_site({"maxconnections": 4, "max_connecting": 4}, port=proxy.port)
    proxy.delay = 0.02
    start = threading.Barrier(8)

    def answer():
        start.wait()
        return site.answer("SELECT 'mine'")

    answers = [future.result(20) for future in [in_thread(answer) for _ in range(8)]]

    assert answers == [[("mine",)]] * 8
    assert sum(b"VERSION()" in request for request in proxy.requests) == 1


def test_request_asks_for_itself_if_whoever_asks_gets_no_answer(make_site, proxy):
    site = make_site({"maxconnections": 2, "timeout": 0.2}, port=proxy.port)
    lease = site.pool.connection()
    is_asking, may_go_on = threading.Event(), threading.Event()

    def ask_without_an_answer():
        is_asking.set()
        may_go_on.wait()
        return {}

    stuck = in_thread(site.pool.facts.give, ask_without_an_answer, 0.2)
    is_asking.wait()

    assert site.answer("SELECT 'mine'") == [("mine",)]
    may_go_on.set()
    stuck.result(5)
    lease.close()


def test_server_counts_the_same(make_site, root):
    site = make_site()
    site.answer("SELECT 1")
    before = root.status("Questions")
    cost_of_looking = root.status("Questions") - before
    before = root.status("Questions")

    for _ in range(100):
        site.answer("SELECT 'mine'")

    assert root.status("Questions") - before == 100 + cost_of_looking

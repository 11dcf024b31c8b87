"""Nobody is logged out and nothing is lost, whatever happens to the servers.

Each claim has a control: Django's own engines, which fail in the same harness.
"""

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.core.management import call_command
from django.db import connection, transaction
from django.test import Client

from core.caching.stores import current_store
from core.sessions import rows
from core.sessions.ids import digest_of
from core.sessions.models import Session
from tests.core.caching.conftest import wait_until_trusted
from tests.core.databases import mysql_settings
from tests.core.sessions.test_store import reopened, row_of, saved
from tests.core.sessions.traffic import Traffic
from tests.factories import make_user
from tests.proxy import Proxy
from tests.waiting import wait_until

pytestmark = [
    pytest.mark.usefixtures("transactional_db"),
    pytest.mark.urls("tests.core.sessions.urls"),
]

needs_server = pytest.mark.skipif(
    "connection.vendor == 'sqlite'", reason="needs a database server"
)


@pytest.fixture
def own_redis(use_copies, redis_server):
    """A server with the sessions' copies, to kill and freeze."""
    server = redis_server()
    use_copies(server, HOLD=1)
    return server


def kill_again_and_again(server):
    """Kill Redis and start it anew, empty and from an old snapshot in turns."""

    def meanwhile(traffic):
        for number in range(3):
            traffic.await_visits(100)
            if number == 1:
                server.save()
            server.kill()
            traffic.await_visits(100)
            server.start()
        traffic.await_visits(200)

    return meanwhile


def test_redis_that_dies_again_and_again_costs_nobody_anything(own_redis):
    traffic = Traffic()

    traffic.run(kill_again_and_again(own_redis))

    assert traffic.faults == []
    wait_until_trusted()


@pytest.mark.parametrize("engine", ["cache", "cached_db"])
def test_control_engines_of_django_lose_sessions_with_redis(
    own_redis, settings, engine
):
    settings.SESSION_ENGINE = f"django.contrib.sessions.backends.{engine}"
    traffic = Traffic(visitors=40)

    traffic.run(kill_again_and_again(own_redis))

    kinds = Counter(fault.split()[0] for fault in traffic.faults)
    assert kinds["500"] > 0
    if engine == "cache":
        assert any("anonymous" in fault for fault in traffic.faults)


def log_out_during_an_outage(server, settings):
    """Log out while Redis is away; give who the old cookie is when it is back."""
    user = make_user()
    browser = Client(raise_request_exception=False)
    browser.get(f"/log-in/{user.username}")
    cookie = browser.cookies[settings.SESSION_COOKIE_NAME].value
    assert browser.get("/who").content.decode() == user.username
    server.save()
    server.kill()

    browser.get("/log-out")

    server.start()
    browser.cookies[settings.SESSION_COOKIE_NAME] = cookie
    return browser.get("/who").content.decode()


def test_logout_during_an_outage_stays_one(own_redis, settings):
    assert log_out_during_an_outage(own_redis, settings) == "anonymous"


def test_control_logout_during_an_outage_is_undone_with_cached_db(own_redis, settings):
    settings.SESSION_ENGINE = "django.contrib.sessions.backends.cached_db"
    cache = settings.CACHES["default"]
    settings.CACHES = {
        "default": cache | {"OPTIONS": {"IGNORE_EXCEPTIONS": True}},
    }

    assert log_out_during_an_outage(own_redis, settings).startswith("user")


def test_frozen_redis_delays_a_page_and_breaks_none(own_redis):
    session = saved(a=1)
    reopened(session)["a"]

    own_redis.freeze()
    changed = reopened(session)
    changed["a"] = 2
    changed.save()
    assert reopened(session)["a"] == 2
    own_redis.resume()

    assert reopened(session)["a"] == 2


def test_flushed_redis_logs_nobody_out(own_redis):
    session = saved(a=1)
    reopened(session)["a"]

    with own_redis.connect() as client:
        client.flushall()

    assert reopened(session)["a"] == 1


@needs_server
def test_real_deadlock_is_repeated():
    """Two transactions wait for each other's row; the server undoes the save's."""
    session, other = saved(a=1), saved(a=1)
    has_locked = threading.Event()

    def lock_both():
        """Write much, so that the server rather undoes the other transaction."""
        try:
            with transaction.atomic():
                for number in range(50):
                    Session.objects.create(
                        pk=f"weight{number}",
                        expire_date=row.expire_date,
                        last_seen=row.last_seen,
                    )
                Session.objects.select_for_update().get(pk=row.pk)
                has_locked.set()
                wait_until(is_waiting, what="the other waits")
                list(Session.objects.select_for_update().filter(pk=other_key))
        finally:
            connection.close()

    def is_waiting():
        with connection.cursor() as cursor:
            cursor.execute("SHOW GLOBAL STATUS LIKE 'Innodb_row_lock_current_waits'")
            return int(cursor.fetchone()[1])

    row, other_key = row_of(session), digest_of(other.session_key)
    mine = reopened(session)
    mine["a"] = 2
    attempts = []

    with ThreadPoolExecutor(1) as pool:
        rival = pool.submit(lock_both)
        assert has_locked.wait(20)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("core.sessions.rows.replace", locking(other_key, attempts))
            mine.save()
        rival.result(20)

    assert len(attempts) == 2
    assert reopened(session)["a"] == 2


def locking(key, attempts):
    """Let each save first lock another row, in one transaction with its own."""
    replace = rows.replace

    def lock_and_replace(*args, **columns):
        attempts.append(args)
        with transaction.atomic():
            list(Session.objects.select_for_update().filter(pk=key))
            return replace(*args, **columns)

    return lock_and_replace


@pytest.fixture
def site(use_database, mariadb_server, monkeypatch):
    """A database server of its own, with the tables of the site."""
    server = mariadb_server()
    use_database(mysql_settings(server))
    # Of which databases it is known that they have stamps: of another server's.
    monkeypatch.setattr("core.caching.stores.database._with_table", set())
    current_store.cache_clear()
    call_command("migrate", verbosity=0)
    yield server


def test_lost_database_is_503_and_the_visitor_still_logged_in_afterwards(
    site, settings
):
    user = make_user()
    browser = Client(raise_request_exception=False)
    browser.get(f"/log-in/{user.username}")
    browser.get("/set?a=1")
    cookie = settings.SESSION_COOKIE_NAME

    def get(address):
        connection.close()  # As at the end of a request; the test client does not.
        return browser.get(address)

    site.kill()
    for address in ("/who", "/data", "/set?a=2", "/log-out"):
        response = get(address)
        assert response.status_code == 503
        assert cookie not in response.cookies
    site.start()

    wait_until(lambda: get("/data").status_code == 200)
    assert get("/data").json()["a"] == "1"
    assert get("/who").content.decode() == user.username


@pytest.fixture
def proxy(site, copies, use_database):
    """Stands between the site and its database, and can lose an answer."""
    with Proxy(site.port) as proxy:
        use_database(mysql_settings(site, PORT=proxy.port))
        yield proxy


@pytest.mark.parametrize(
    ("lost", "is_locked"),
    [
        (b"\x03UPDATE `core_sessions_session`", False),
        (b"\x03UPDATE `core_sessions_session`", True),
        (b"\x03COMMIT", True),  # Which a statement alone does not have.
    ],
)
def test_save_whose_answer_the_network_has_lost_is_stored_once(
    proxy, monkeypatch, lost, is_locked
):
    session = reopened(saved(a=1))
    if is_locked:
        session.clear()  # Without having looked.
    session["a"] = 2
    find_locked, calls = rows.find_locked, []

    def find_over_a_sound_network(digest):
        if calls or not is_locked:
            proxy.cut_after = b""
        calls.append(digest)
        return find_locked(digest)

    monkeypatch.setattr(rows, "find_locked", find_over_a_sound_network)
    proxy.cut_after = lost
    session.save()

    assert proxy.cut_after == b"", "the answer was not lost"
    assert reopened(session)["a"] == 2
    assert row_of(session).version == 2

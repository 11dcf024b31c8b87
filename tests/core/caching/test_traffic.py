"""Nobody reads older data after a commit: real processes under load and faults.

Each claim has a control, the usual recipe, which fails in the same harness.
"""

import pytest
from django.db import connection

from core.caching.stores import current_store
from tests.core.caching.conftest import use_database, use_redis, wait_until_trusted
from tests.core.caching.processes import Traffic, read_naively, running, write_naively
from tests.waiting import wait_until

pytestmark = pytest.mark.usefixtures("transactional_db")

# Longer than any COMMIT here takes, also on a busy machine.
HOLD = 2


@pytest.fixture(autouse=True)
def fresh_store():
    yield
    current_store.cache_clear()


@pytest.fixture
def own_redis(settings, redis_server):
    """A server of this test's own, to kill and freeze."""
    server = redis_server()
    use_redis(settings, server, HOLD=HOLD)
    return server


@pytest.fixture(params=["database", "redis"])
def any_store(request, settings):
    if request.param == "database":
        use_database(settings)
    else:
        use_redis(settings, request.getfixturevalue("shared_redis"))
        settings.COHERENT_CACHE = settings.COHERENT_CACHE | {"HOLD": HOLD}
    return request.param


# Where a transaction keeps to the state of its first read.
SNAPSHOTS = {
    "mysql": {"isolation_level": "repeatable read"},
    "sqlite": {"transaction_mode": "DEFERRED"},
}


@pytest.fixture(params=["usual", "snapshots"])
def isolation(request):
    """Run a test with the usual transactions, and with such as have a snapshot."""
    usual = connection.settings_dict["OPTIONS"]
    options = SNAPSHOTS[connection.vendor] if request.param == "snapshots" else {}
    connection.close()
    connection.settings_dict["OPTIONS"] = usual | options
    yield request.param
    connection.close()
    connection.settings_dict["OPTIONS"] = usual


@pytest.fixture
def others_may_write(isolation):
    if (connection.vendor, isolation) == ("sqlite", "usual"):
        pytest.skip("SQLite lets nobody write beside its usual transactions")


def test_no_read_is_stale_under_two_writers(any_store, isolation):
    traffic = Traffic()
    wait_until_trusted()

    traffic.run(lambda traffic: traffic.await_commits(200))

    assert traffic.stale.value == 0
    assert traffic.reads.value > 200
    assert traffic.at_rest() == 0


def test_control_deleting_on_commit_gives_stale_reads(any_store, isolation):
    traffic = Traffic(read_naively, write_naively)

    traffic.run(lambda traffic: wait_until(lambda: traffic.stale.value > 0, timeout=60))

    assert traffic.stale.value > 0


def test_transactions_read_their_own_state_and_leave_nothing_behind(
    any_store, others_may_write
):
    traffic = Traffic(transactions=2)
    wait_until_trusted()

    traffic.run(lambda traffic: traffic.await_commits(200))

    assert (traffic.torn.value, traffic.stale.value) == (0, 0)
    assert traffic.at_rest() == 0


def test_control_transactions_get_what_is_newer_than_they_are(
    any_store, others_may_write
):
    traffic = Traffic(read_naively, write_naively, transactions=2)

    traffic.run(lambda traffic: wait_until(lambda: traffic.torn.value > 0, timeout=60))

    assert traffic.torn.value > 0


def kill_writers(traffic):
    for number in range(10):
        with running(traffic.writer(number, range(traffic.ROWS))):
            traffic.await_commits(10)


def test_no_read_is_stale_when_writers_are_killed(any_store, isolation, settings):
    settings.COHERENT_CACHE = settings.COHERENT_CACHE | {"HOLD": 0.5}
    traffic = Traffic(writers=0)
    wait_until_trusted()

    traffic.run(kill_writers)

    assert traffic.stale.value == 0
    assert traffic.at_rest() == 0


def test_no_read_is_stale_while_redis_is_killed_and_goes_back_in_time(own_redis):
    traffic = Traffic()
    wait_until_trusted()
    own_redis.save()

    def kill_redis(traffic):
        for _ in range(3):
            traffic.await_commits(30)
            own_redis.kill()
            traffic.await_commits(20)
            own_redis.start()
        traffic.await_commits(30)

    traffic.run(kill_redis)

    assert traffic.stale.value == 0
    assert traffic.at_rest() == 0
    wait_until_trusted()


def test_no_read_is_stale_when_redis_is_flushed(own_redis):
    traffic = Traffic()
    wait_until_trusted()

    def flush(traffic):
        with own_redis.connect() as client:
            for _ in range(12):
                traffic.await_commits(10)
                client.flushall()

    traffic.run(flush)

    assert traffic.stale.value == 0
    assert traffic.at_rest() == 0


def test_no_read_is_stale_when_redis_has_too_little_memory(settings, redis_server):
    server = redis_server(maxmemory="2mb", maxmemory_policy="allkeys-lru")
    use_redis(settings, server, HOLD=HOLD)
    traffic = Traffic()
    wait_until_trusted()

    def fill(traffic):
        with server.connect() as client:
            for number in range(2000):
                client.set(f"other {number}", "x" * 1000)
        traffic.await_commits(100)

    traffic.run(fill)

    assert traffic.stale.value == 0
    assert traffic.at_rest() == 0

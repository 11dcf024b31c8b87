"""What happens to readers when a writer, Redis or the database's answer is lost."""

import os
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from types import SimpleNamespace

import pytest
from django.contrib.sessions.models import Session
from django.core.cache import cache
from django.db import OperationalError, connection, transaction
from django.db.backends.base import base
from django.utils import timezone
from redis.exceptions import ConnectionError as RedisConnectionError

from accounts.models import User
from articles.models import Banner
from core.caching import get_or_build, invalidate
from core.caching.models import Stamp
from core.caching.stores import Bypass, current_store
from core.caching.stores.base import Entry, now_ms
from core.caching.stores.database import fill_slots, read_header
from core.db import hooks
from tests.core.caching.conftest import use_redis, wait_until_trusted
from tests.core.caching.processes import remote, run
from tests.factories import make_banner, make_user
from tests.waiting import wait_until

STAMPS = ["*", "articles.banner"]

pytestmark = pytest.mark.usefixtures("transactional_db")


@pytest.fixture(autouse=True)
def fresh_store():
    yield
    current_store.cache_clear()


@pytest.fixture
def banner():
    return make_banner(title="old")


def title():
    return Banner.objects.get().title


def read():
    return get_or_build("title", title, tags=["articles.banner"])


def is_cached():
    return current_store().find("title", STAMPS) is not None


def is_cached_again():
    """Read until the cache is used again, and tell what it then has."""
    wait_until(lambda: (read(), is_cached())[1], what="cached again")
    return read()


def rename(banner, title="new"):
    banner.title = title
    banner.save()


@pytest.fixture
def subscriber():
    """Subscribe to commits for one test, first or last of all."""
    added = []

    def subscribe(subscriber, *, first=False):
        added.append(subscriber)
        hooks._subscribers.insert(0 if first else len(hooks._subscribers), subscriber)

    yield subscribe
    for one in added:
        hooks.unsubscribe(one)


class Dying(hooks.CommitSubscriber):
    """Ends the process at a moment of COMMIT."""

    def __init__(self, moment):
        setattr(self, moment, lambda connection: os._exit(9))


def read_aside():
    """Read as most sites do; ``rename_and_delete`` is the other half."""
    value = cache.get("title")
    if value is None:
        cache.set("title", value := title())
    return value


def rename_and_delete(banner):
    with transaction.atomic():
        rename(banner)
        transaction.on_commit(lambda: cache.delete("title"))


def test_writer_killed_before_commit_leaves_the_old_value(store, banner, subscriber):
    read()
    subscriber(Dying("before_commit"))

    assert run(lambda: rename(banner)) == [9]

    assert read() == "old"
    assert is_cached_again() == "old"


def test_writer_killed_after_commit_leaves_no_old_value(store, banner, subscriber):
    read()
    subscriber(Dying("after_commit"), first=True)

    assert run(lambda: rename(banner)) == [9]

    assert read() == "new"
    assert is_cached_again() == "new"


def test_control_writer_killed_after_commit_deletes_nothing(
    redis_store, banner, subscriber
):
    read_aside()
    subscriber(Dying("after_commit"), first=True)

    assert run(lambda: rename_and_delete(banner)) == [9]

    assert (read_aside(), title()) == ("old", "new")


def test_other_callbacks_may_fail(store, banner):
    read()

    def fail():
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError), transaction.atomic():
        transaction.on_commit(fail)
        rename(banner)

    assert read() == "new"


def test_control_failing_callback_drops_those_after_it(store, banner):
    read_aside()

    def fail():
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError), transaction.atomic():
        transaction.on_commit(fail)
        rename_and_delete(banner)

    assert (read_aside(), title()) == ("old", "new")


def test_old_value_is_not_stored_by_a_slow_reader(store, banner):
    """The reader has read, the writer commits, the reader stores: in vain."""
    flight = store.look_up("title", STAMPS)
    old = Entry(now_ms(), now_ms() + 60_000, b'"old"')

    rename(banner)
    flight.store(old)

    assert read() == "new"


def test_control_old_value_of_a_slow_reader_stays(store, banner):
    old = title()

    rename_and_delete(banner)
    cache.set("title", old)

    assert (read_aside(), title()) == ("old", "new")


def test_transaction_sees_its_own_writes_and_others_do_not(store, banner):
    with remote(lambda: (read(), is_cached())) as read_there:
        assert (read(), read_there()) == ("old", ("old", True))

        with transaction.atomic():
            rename(banner)
            assert (read(), read_there()) == ("new", ("old", True))

        assert (read(), read_there()[0]) == ("new", "new")


def test_nothing_is_built_while_a_commit_is_under_way(redis_store, banner):
    with remote(lambda: (read(), is_cached())) as read_there:
        assert read_there() == ("old", True)
        change = redis_store.begin_change(connection, STAMPS[1:])

        assert read_there() == ("old", False)

        change.committed()
        read_there()
        assert read_there() == ("old", True)


def test_overlapping_writers_are_counted(redis_store, banner):
    first = redis_store.begin_change(connection, STAMPS[1:])
    second = redis_store.begin_change(connection, STAMPS[1:])

    first.committed()
    found = redis_store.look_up("title", STAMPS)
    second.rolled_back()

    assert found == Bypass("being changed")
    assert is_cached_again() == "old"


def test_rolled_back_transaction_tells_nobody(redis_store, banner, shared_redis):
    read()
    with shared_redis.connect() as client:
        before = client.info("commandstats")["cmdstat_eval"]["calls"]
        with transaction.atomic():
            rename(banner)
            transaction.set_rollback(True)

        after = client.info("commandstats")["cmdstat_eval"]["calls"]

    assert after == before
    assert is_cached()


def trips_to(server, action):
    """Count what an action sends to Redis, by whatever client."""
    with server.connect() as client:
        before = client.info("stats")["total_reads_processed"]
        action()
        return client.info("stats")["total_reads_processed"] - before - 1


@pytest.fixture
def trips(redis_store, shared_redis):
    return partial(trips_to, shared_redis)


def test_hit_is_one_trip_and_a_miss_three(banner, trips):
    read()

    assert trips(read) == 1
    rename(banner)
    assert trips(read) == 3


def test_transaction_that_changes_something_costs_two_trips(banner, trips):
    def write():
        with transaction.atomic():
            rename(banner)
            make_banner()
            Banner.objects.update(text="x")

    assert trips(write) == 2
    assert trips(lambda: Banner.objects.update(title="newer")) == 2
    assert trips(lambda: invalidate("articles.banner")) == 2


def test_transaction_that_changes_nothing_tracked_costs_no_trip(banner, trips):
    author = make_user()

    def write():
        with transaction.atomic():
            Banner.objects.get()
            Session.objects.create(session_key="x", expire_date=timezone.now())
            User.objects.filter(pk=author.pk).update(last_login=timezone.now())

    def roll_back():
        with transaction.atomic():
            rename(banner)
            transaction.set_rollback(True)

    assert trips(write) == trips(roll_back) == 0


def test_hit_in_the_database_store_is_one_query(
    settings, store, banner, django_assert_num_queries
):
    if settings.COHERENT_CACHE["STAMPS"] != "database":
        pytest.skip("of the database store")
    read()

    with django_assert_num_queries(1):
        read()


@pytest.fixture
def own_redis(settings, redis_server):
    server = redis_server()
    use_redis(settings, server, GUARD=0.2)
    wait_until_trusted()
    return server


@pytest.mark.parametrize("fault", ["freeze", "kill"])
def test_commit_without_redis_succeeds_and_is_seen(own_redis, banner, fault, caplog):
    with remote(read) as read_there:
        assert (read(), read_there()) == ("old", "old")
        before = read_header(["*"])
        getattr(own_redis, fault)()

        rename(banner)

        assert (read(), read_there()) == ("new", "new")
        assert read_header(["*"]) != before
        assert "Redis fails" in caplog.text
        rename(banner, "newer")
        assert (read(), read_there()) == ("newer", "newer")

        own_redis.resume() if fault == "freeze" else own_redis.start()
        assert read_there() == "newer"
        assert is_cached_again() == "newer"
        assert "Redis answers again" in caplog.text


def test_redis_that_has_failed_is_left_alone_for_a_while(settings, own_redis, banner):
    settings.COHERENT_CACHE = settings.COHERENT_CACHE | {"BREAKER": 60}
    wait_until_trusted()
    own_redis.kill()
    rename(banner)
    own_redis.start()

    assert trips_to(own_redis, lambda: rename(banner, "newer")) == 0
    assert trips_to(own_redis, read) == 0
    assert read() == "newer"


def test_control_value_of_before_the_outage_comes_back(own_redis, banner):
    read_aside()
    own_redis.save()
    own_redis.kill()
    with pytest.raises(RedisConnectionError):
        rename_and_delete(banner)

    own_redis.start()

    assert (read_aside(), title()) == ("old", "new")


def test_old_snapshot_of_redis_is_not_believed(own_redis, banner):
    read()
    own_redis.save()
    rename(banner)
    read()

    own_redis.kill()
    own_redis.start()

    assert read() == "new"
    assert is_cached_again() == "new"


def test_forgotten_marks_let_nothing_be_built(redis_store, banner, shared_redis):
    """Between mark and COMMIT, Redis loses its memory; the release is lost, too."""
    read()
    redis_store.begin_change(connection, STAMPS[1:])

    with shared_redis.connect() as client:
        client.flushall()

    assert redis_store.look_up("title", STAMPS) == Bypass("Redis has just been renewed")
    assert redis_store.look_up("title", STAMPS) == Bypass("being changed")


def test_unreachable_redis_only_makes_it_slower(settings, banner):
    use_redis(settings, SimpleNamespace(url="redis://127.0.0.1:1/0"))
    read()

    rename(banner)

    assert read() == "new"
    assert not is_cached()


def test_failing_database_is_the_readers_to_see(store, banner, monkeypatch):
    def fail(*args, **kwargs):
        raise OperationalError("gone")

    monkeypatch.setattr("tests.core.caching.test_faults.title", fail)

    with pytest.raises(OperationalError, match="gone"):
        read()


def test_transaction_is_rolled_back_if_stamps_cannot_be_changed(
    settings, store, banner, monkeypatch
):
    if settings.COHERENT_CACHE["STAMPS"] != "database":
        pytest.skip("of the database store")
    read()

    def fail(*args, **kwargs):
        raise OperationalError("deadlock")

    with monkeypatch.context() as patch:
        patch.setattr("core.caching.stores.database.write_stamps", fail)
        with pytest.raises(OperationalError, match="deadlock"):
            rename(banner)

    assert Banner.objects.get().title == "old"
    assert read() == "old"


@pytest.fixture
def no_stamps(store):
    Stamp.objects.all().delete()
    yield
    fill_slots()


def test_values_are_read_from_the_source_until_migrations_have_run(
    store, banner, no_stamps
):
    rename(banner)
    wait_until(lambda: isinstance(store.look_up("title", STAMPS), Bypass))

    assert read() == "new"


def read_snapshots():
    """Let the next transaction see the state of its first read, to its end."""
    connection.ensure_connection()
    if connection.vendor == "sqlite":
        connection.transaction_mode = "DEFERRED"
    else:
        level = "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ"
        connection.cursor().execute(level)


def test_old_snapshot_of_a_transaction_poisons_nobody(store, banner):
    has_begun, is_committed = threading.Event(), threading.Event()

    def read_twice():
        read_snapshots()
        try:
            with transaction.atomic():
                first = title()
                has_begun.set()
                assert is_committed.wait(10)
                return first, read()
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        older = pool.submit(read_twice)
        assert has_begun.wait(10)
        rename(banner)
        is_committed.set()

        assert older.result(10) == ("old", "old")
    assert read() == "new"


@contextmanager
def answer_lost(*, is_committed):
    """Cut the connection at COMMIT, before or after the server has done it."""
    commit = base.BaseDatabaseWrapper._commit

    def lose_the_answer(self):
        if is_committed:
            commit(self)
        self.connection.connection._force_close()
        raise OperationalError(2013, "Lost connection to server during query")

    with pytest.MonkeyPatch.context() as patch, pytest.raises(OperationalError):
        patch.setattr(base.BaseDatabaseWrapper, "_commit", lose_the_answer)
        yield


needs_a_server = pytest.mark.skipif(
    "connection.vendor == 'sqlite'", reason="needs a server"
)


@needs_a_server
@pytest.mark.parametrize("outcome", ["old", "new"])
def test_commit_whose_answer_is_lost_may_have_happened(redis_store, banner, outcome):
    with remote(read) as read_there:
        assert (read(), read_there()) == ("old", "old")

        with answer_lost(is_committed=outcome == "new"):
            rename(banner)

        assert read_there() == outcome
        assert redis_store.look_up("title", STAMPS) == Bypass("being changed")


@needs_a_server
def test_control_commit_whose_answer_is_lost_deletes_nothing(redis_store, banner):
    read_aside()

    with answer_lost(is_committed=True):
        rename_and_delete(banner)

    assert (read_aside(), title()) == ("old", "new")


def test_invalidate_without_redis_is_not_lost(own_redis, banner):
    with remote(read) as read_there:
        read_there()
        own_redis.freeze()
        invalidate("articles.banner")
        own_redis.resume()

        assert read_there() == "old"
        assert is_cached_again() == "old"

"""One rebuild at a time per key, and nobody waits for ever."""

import json
import os
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import islice

import pytest
from django.core.cache import cache
from django.db import connection, connections

from core.caching import get_or_build
from core.caching.stores import current_store
from core.caching.stores.base import TAKES_LONG, Bypass, Flight, _pauses
from tests.core.caching.conftest import use_redis, wait_until_trusted
from tests.core.caching.processes import fork, run, running
from tests.waiting import wait_until

BANNERS = ["articles.banner"]
STAMPS = ["*", "articles.banner"]
LOAD_SECONDS = 0.3


class SlowSource:
    """Counts its loads in all processes."""

    def __init__(self):
        self.loads = fork.Value("i")

    def __call__(self):
        with self.loads.get_lock():
            self.loads.value += 1
            number = self.loads.value
        time.sleep(LOAD_SECONDS)
        return number


def read(source):
    try:
        return get_or_build("slow", source, tags=BANNERS)
    finally:
        connections.close_all()


def read_in_threads(source, number):
    with ThreadPoolExecutor(number) as pool:
        return list(pool.map(read, [source] * number))


def test_fifty_threads_in_four_processes_load_once(redis_store):
    source = SlowSource()

    def read_all():
        assert set(read_in_threads(source, 13)) == {1}

    assert run(*[read_all] * 4) == [0] * 4
    assert source.loads.value == 1


def test_fifty_threads_load_once_per_process(store):
    source = SlowSource()

    values = read_in_threads(source, 50)

    assert set(values) == {1}
    assert source.loads.value == 1


def test_control_fifty_threads_load_more_than_once_without_leases():
    source = SlowSource()

    def read_aside(_number):
        if (value := cache.get("slow")) is None:
            cache.set("slow", value := source())
        return value

    with ThreadPoolExecutor(50) as pool:
        list(pool.map(read_aside, range(50)))

    assert source.loads.value > 1


# Before it waits and afterwards, and again when connections are opened meanwhile.
# Who looks every 20 ms, as for another process, asks 15 times.
EACH_ASKS = 10


def count_evals(server):
    with server.connect() as client:
        return client.info("commandstats")["cmdstat_eval"]["calls"]


def test_threads_wait_for_their_own_process_without_asking_redis(
    redis_store, shared_redis
):
    number, is_building = 20, threading.Event()
    before = count_evals(shared_redis)

    def load():
        is_building.set()
        time.sleep(LOAD_SECONDS)
        return 7

    with ThreadPoolExecutor(1) as pool:
        builder = pool.submit(read, load)
        assert is_building.wait(10)
        others = read_in_threads(load, number)

    assert [builder.result(), *others] == [7] * (1 + number)
    assert count_evals(shared_redis) - before < EACH_ASKS * number


def test_greenlets_wait_for_their_own_process_without_asking_redis(
    redis_store, shared_redis
):
    before = count_evals(shared_redis)

    ended = subprocess.run(
        [sys.executable, "-m", "tests.core.caching.greenlets", shared_redis.url],
        capture_output=True,
        text=True,
        timeout=60,
    )

    assert ended.returncode == 0, ended.stderr
    assert json.loads(ended.stdout.splitlines()[-1]) == {"loads": 1, "values": [1] * 21}
    assert count_evals(shared_redis) - before < EACH_ASKS * 20


def test_another_process_is_asked_soon_and_then_less_often():
    pauses = list(islice(_pauses(), 10))

    assert pauses[0] <= 0.001
    assert all(
        later > sooner / 2 for sooner, later in zip(pauses, pauses[1:], strict=False)
    )
    assert 0.01 <= pauses[-1] <= 0.02


@pytest.fixture
def long_hold(redis_store, settings):
    """Let marks stand to the end of the test."""
    settings.COHERENT_CACHE = settings.COHERENT_CACHE | {"HOLD": 30}
    return current_store()


def test_commit_under_way_is_waited_for(long_hold, shared_redis, monkeypatch):
    monkeypatch.setattr("core.caching.stores.redis.COMMIT_SECONDS", 10)
    change = long_hold.begin_change(connection, BANNERS)
    before = count_evals(shared_redis)

    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(long_hold.look_up, "slow", STAMPS)
        wait_until(lambda: count_evals(shared_redis) > before)
        change.committed()
        found = waiting.result(10)

    assert isinstance(found, Flight)
    found.abandon()


def test_threads_share_the_wait_for_a_commit(long_hold, shared_redis, monkeypatch):
    monkeypatch.setattr("core.caching.stores.redis.COMMIT_SECONDS", LOAD_SECONDS)
    change = long_hold.begin_change(connection, BANNERS)
    before = count_evals(shared_redis)

    values = read_in_threads(lambda: "own", 20)

    change.committed()
    assert values == ["own"] * 20
    assert count_evals(shared_redis) - before < EACH_ASKS * 20


@pytest.mark.parametrize("outcome", ["killed", "in_doubt"])
def test_writer_that_may_be_dead_is_not_waited_for(long_hold, shared_redis, outcome):
    change = long_hold.begin_change(connection, BANNERS)
    if outcome == "in_doubt":
        change.in_doubt()

    def asks():
        before = count_evals(shared_redis)
        assert long_hold.look_up("slow", STAMPS) == Bypass("being changed")
        return count_evals(shared_redis) - before

    # In the first ten milliseconds it may still be at its COMMIT.
    wait_until(lambda: asks() == 1)
    change.committed()


def test_another_thread_takes_over_from_one_that_takes_too_long(store, settings):
    settings.COHERENT_CACHE = settings.COHERENT_CACHE | {"LEASE": 0.1, "WAIT": 0.01}
    store = current_store()
    wait_until_trusted()
    late = store.look_up("slow", STAMPS)

    def take_over():
        found = store.look_up("slow", STAMPS)
        return isinstance(found, Flight) and found

    found = wait_until(take_over)

    late.abandon()
    assert store.look_up("slow", STAMPS) == Bypass(TAKES_LONG)
    found.abandon()


def test_another_process_takes_over_from_a_killed_builder(redis_store):
    source, is_building = SlowSource(), fork.Event()

    def build_and_die():
        def load():
            is_building.set()
            time.sleep(30)

        read(load)

    with running(build_and_die) as [builder]:
        assert is_building.wait(10)
        builder.kill()
        builder.join()

        assert read(source) == 1


def test_reader_does_not_wait_longer_than_told(store, settings):
    settings.COHERENT_CACHE = settings.COHERENT_CACHE | {"WAIT": 0.1, "LEASE": 30}
    store = current_store()
    wait_until_trusted()
    flight = store.look_up("slow", STAMPS)

    assert read(lambda: "own") == "own"

    flight.abandon()
    assert read(lambda: "next") == read(lambda: "later") == "next"


def test_failing_loads_free_the_lease_at_once(store):
    def fail():
        raise ZeroDivisionError

    for _ in range(3):
        with pytest.raises(ZeroDivisionError):
            read(fail)

    assert read(lambda: 7) == 7


def test_nobody_waits_for_what_cannot_be_stored(store):
    def read_none():
        return get_or_build("none", lambda: None, tags=BANNERS, cache_none=False)

    read_none()
    found = store.look_up("none", STAMPS)

    assert found.reason == "the last value could not be stored"


def test_fifty_threads_load_a_few_times_without_redis(
    settings, transactional_db, redis_server
):
    server = redis_server()
    use_redis(settings, server, BREAKER=30)
    wait_until_trusted()
    server.kill()
    source = SlowSource()

    values = read_in_threads(source, 50)

    assert len(values) == 50
    # Those that begin after a load has ended make one more.
    assert source.loads.value <= 5


def test_killed_thread_of_a_build_leaves_no_lease(store):
    def stop():
        raise SystemExit

    with pytest.raises(SystemExit):
        read(stop)

    assert read(lambda: os.getpid()) == os.getpid()
    wait_until(lambda: store.find("slow", STAMPS))

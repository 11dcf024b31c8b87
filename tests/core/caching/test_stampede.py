"""One rebuild at a time per key, and nobody waits for ever."""

import os
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connections

from core.caching import get_or_build
from core.caching.stores import current_store
from tests.core.caching.conftest import use_redis, wait_until_trusted
from tests.core.caching.processes import fork, run, running
from tests.waiting import wait_until

BANNERS = ["articles.banner"]
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
    flight = store.look_up("slow", ["*", "articles.banner"])

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
    found = store.look_up("none", ["*", "articles.banner"])

    assert found.reason == "the last value could not be stored"


def test_fifty_threads_load_twice_at_most_without_redis(
    settings, transactional_db, redis_server
):
    server = redis_server()
    use_redis(settings, server, BREAKER=30)
    wait_until_trusted()
    server.kill()
    source = SlowSource()

    values = read_in_threads(source, 50)

    assert len(values) == 50
    assert source.loads.value <= 2


def test_killed_thread_of_a_build_leaves_no_lease(store):
    def stop():
        raise SystemExit

    with pytest.raises(SystemExit):
        read(stop)

    assert read(lambda: os.getpid()) == os.getpid()
    wait_until(lambda: store.find("slow", ["*", "articles.banner"]))

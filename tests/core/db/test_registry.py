import threading

from django.db import connections

from core.db.mysql import registry
from core.db.mysql.base import DatabaseWrapper

THREADS = 100


def in_threads(function):
    """Call a function in many threads at once; give the results."""
    results, start = [], threading.Barrier(THREADS)

    def call():
        start.wait()
        results.append(function())

    threads = [threading.Thread(target=call) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def test_racing_threads_get_one_pool(use_mysql):
    use_mysql()

    pools = in_threads(lambda: connections["default"].pool)

    assert len(pools) == THREADS
    assert len({id(pool) for pool in pools}) == 1


def test_pool_is_made_once_however_long_that_takes(use_mysql):
    pool = use_mysql().pool
    made, slow = [], threading.Event()

    def make():
        made.append(pool)
        slow.wait(0.05)
        return pool

    pools = in_threads(lambda: registry.get_or_make("a test", make))
    del registry._pools["a test"]

    assert made == [pool]
    assert set(pools) == {pool}


def test_same_settings_share_a_pool(use_mysql):
    connection = use_mysql()

    other = DatabaseWrapper(connection.settings_dict, "default")

    assert other.pool is connection.pool


def test_other_settings_have_pools_of_their_own(use_mysql):
    connection = use_mysql()
    pools = {connection.pool}

    for change in (
        {"NAME": "mysql"},
        {"PASSWORD": "x"},
        {"OPTIONS": {"pool": {"maxconnections": 3}}},
        {"OPTIONS": {"pool": True, "isolation_level": "serializable"}},
    ):
        pools.add(DatabaseWrapper(connection.settings_dict | change, "default").pool)
    pools.add(DatabaseWrapper(connection.settings_dict, "other").pool)

    assert len(pools) == 6


def test_closed_pool_is_replaced(use_mysql):
    connection = use_mysql()
    first = connection.pool

    connection.close_pool()

    assert first.is_closed
    assert connection.pool is not first
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")


def test_closing_all_closes_every_pool(use_mysql):
    pool = use_mysql().pool
    assert pool in registry.pools()

    registry.close_all()

    assert pool.is_closed
    assert registry.pools() == []

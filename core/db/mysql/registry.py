"""The pools of this process: one for each set of connection settings."""

import atexit
import threading
from collections.abc import Callable

from core.db.mysql.pool import MySQLPool

_pools: dict[str, MySQLPool] = {}
_lock = threading.Lock()
epoch = 0
"""Counts forks on the way to this process: what is older belongs to the parent."""


def get_or_make(fingerprint: str, make: Callable[[], MySQLPool]) -> MySQLPool:
    """Give the pool of these settings; ``make`` must not connect."""
    with _lock:
        pool = _pools.get(fingerprint)
        if pool is None or pool.is_closed:
            pool = _pools[fingerprint] = make()
        return pool


def pools() -> list[MySQLPool]:
    with _lock:
        return list(_pools.values())


def close_all() -> None:
    """Close every pool; the next request makes a new one."""
    with _lock:
        closing = list(_pools.values())
        _pools.clear()
    for pool in closing:
        pool.close()


def forget() -> None:
    """Leave all pools to the parent process; called in the child of a fork."""
    global _lock, epoch
    _lock = threading.Lock()  # the old one may be held by a thread that is not here
    epoch += 1
    for pool in _pools.values():
        pool.forget()
    _pools.clear()


atexit.register(close_all)

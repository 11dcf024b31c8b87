"""Where visits are counted until they are moved to the table: memory, or Redis.

Counts are kept in batches. A batch has a name from its first visit on, and counts no
more once it is taken; ``done`` is told when it may be forgotten.
"""

import logging
import secrets
import threading
from collections import Counter
from datetime import date
from typing import NamedTuple, Protocol

from redis.exceptions import RedisError

from core.caching.stores.link import Breaker, Connection, Link

BREAKER_SECONDS = 1
CONNECT_SECONDS = 0.3
ANSWER_SECONDS = 0.5

logger = logging.getLogger(__name__)

Visits = Counter[tuple[date, str]]
"""Number of visits per day and path."""


class Batch(NamedTuple):
    name: str
    visits: Visits


class Buffer(Protocol):
    def take(self) -> Batch | None:
        """Give the batch that was taken and is not done yet, or else a new one."""

    def done(self, batch: Batch) -> None:
        """Forget the batch."""


class MemoryBuffer:
    """The visits of this process."""

    def __init__(self) -> None:
        # Between reading and writing a count another thread may count, too.
        self._lock = threading.Lock()
        self._visits: Visits = Counter()
        self._taken: Batch | None = None

    def add(self, day: date, page: str) -> None:
        with self._lock:
            self._visits[day, page] += 1

    def take(self) -> Batch | None:
        with self._lock:
            if self._taken is None and self._visits:
                self._taken = Batch(secrets.token_hex(16), self._visits)
                self._visits = Counter()
            return self._taken

    def done(self, batch: Batch) -> None:
        with self._lock:
            if self._taken and self._taken.name == batch.name:
                self._taken = None


# The name is in the hash from the first visit: a Redis that comes back with an older
# state of it cannot have its visits counted again under another name.
ADD = """
redis.call('HSETNX', KEYS[1], 'name', ARGV[2])
return redis.call('HINCRBY', KEYS[1], ARGV[1], 1)
"""
TAKE = """
if redis.call('EXISTS', KEYS[2]) == 0 and redis.call('EXISTS', KEYS[1]) == 1 then
    redis.call('RENAME', KEYS[1], KEYS[2])
end
return redis.call('HGETALL', KEYS[2])
"""
# Another process may have taken the next batch meanwhile.
DONE = """
if redis.call('HGET', KEYS[1], 'name') == ARGV[1] then
    redis.call('DEL', KEYS[1])
end
"""


class RedisBuffer:
    """The visits of all processes; ``take`` and ``done`` may raise ``RedisError``."""

    OPEN = "inkstone:visits:open"
    TAKEN = "inkstone:visits:taken"

    def __init__(self, url: str) -> None:
        self._breaker = Breaker(BREAKER_SECONDS, _log_change)
        self._is_trusted = False
        self._link = Link(
            url,
            connect_timeout=CONNECT_SECONDS,
            socket_timeout=ANSWER_SECONDS,
            on_connect=_introduce,
        )

    def add(self, day: date, page: str) -> bool:
        """Count a visit; False if it is certain that it was not counted."""
        if self._breaker.is_open:
            return False
        was_sent = False
        try:
            if not self._is_trusted:
                self._link.read("PING")
            was_sent = True
            field = f"{day.isoformat()} {page}"
            self._link.run("EVAL", ADD, 1, self.OPEN, field, secrets.token_hex(16))
        except RedisError as error:
            self._is_trusted = False
            self._breaker.failed(error)
            # It may have been counted there, and must not be counted twice.
            return was_sent
        self._is_trusted = True
        self._breaker.succeeded()
        return True

    def take(self) -> Batch | None:
        reply = self._link.run("EVAL", TAKE, 2, self.OPEN, self.TAKEN)
        texts = [item.decode() for item in reply]
        fields = dict(zip(texts[::2], texts[1::2], strict=True))
        if not fields:
            return None
        name = fields.pop("name")
        visits: Visits = Counter()
        for field, number in fields.items():
            day, _, page = field.partition(" ")
            visits[date.fromisoformat(day), page] = int(number)
        return Batch(name, visits)

    def done(self, batch: Batch) -> None:
        self._link.run("EVAL", DONE, 1, self.TAKEN, batch.name)


def _introduce(connection: Connection) -> None:
    """Nothing to say to a new connection."""


def _log_change(error: Exception | None) -> None:
    if error:
        logger.warning("visits are counted in memory, Redis fails: %s", error)
    else:
        logger.info("visits are counted in Redis again")

"""Stamps in the database, changed in the transaction that changes the data.

Each tag hashes to one of a fixed number of rows. A transaction's last statement
before COMMIT gives the rows of its tags a new random stamp: data and stamps become
visible in one instant, or neither does, whatever is killed or cut off. Being last,
the row locks last one COMMIT; being taken in order of slot, they cannot deadlock.
Two tags in one slot cost each other misses, nothing more.

A reader asks for the stamps *before* the value and before loading. Stamps are
random, so a database restored from a backup brings no old one back to life. A slot
that does not exist (tables just created or flushed) cannot validate anything:
values are not cached until ``post_migrate`` has filled the table.
"""

import logging
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from zlib import crc32

from django.core.cache import BaseCache, caches
from django.db import DEFAULT_DB_ALIAS, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django_redis.exceptions import ConnectionInterrupted
from redis import RedisError

from core.caching.models import Stamp
from core.caching.options import options
from core.caching.stores.base import (
    Bypass,
    Entry,
    Flight,
    StampChange,
    StampStore,
    now_ms,
)
from core.caching.tags import EVERYTHING

SLOTS = 512
# A value that could not be stored stands for itself this long: nobody waits for it.
UNCACHEABLE = b"uncacheable"
PASS_SECONDS = 2
# What a cache in another process or machine may raise; then there is no value.
CACHE_ERRORS: tuple[type[Exception], ...] = (OSError, RedisError, ConnectionInterrupted)

logger = logging.getLogger(__name__)
_with_table: set[tuple[str, str]] = set()


class DatabaseStore(StampStore):
    """Validates values, kept in any cache Django has, with one small query."""

    def __init__(self) -> None:
        super().__init__()
        self._values = Values(caches[options().alias])

    def find(self, key: str, stamps: Sequence[str]) -> Entry | None:
        header = read_header(stamps)
        return Entry.unpack(self._values.get(key), header) if header else None

    def _acquire(
        self, key: str, stamps: Sequence[str], is_forced: bool
    ) -> Entry | Flight | Bypass:
        header = read_header(stamps)
        if header is None:
            return Bypass("no stamps: run migrate")
        # Under the lease: what its last holder stored is seen here.
        stored = self._values.get(key)
        if stored == UNCACHEABLE:
            return Bypass("the last value could not be stored")
        entry = None if is_forced else Entry.unpack(stored, header)
        return entry or DatabaseFlight(self._values, key, header)

    def begin_change(
        self, connection: BaseDatabaseWrapper, stamps: Iterable[str]
    ) -> StampChange:
        write_stamps(connection, stamps)
        return StampChange()

    def peek(self, key: str) -> bytes | None:
        return self._values.get(key)

    def current(self, stamps: Sequence[str]) -> list[bytes]:
        return [read_header([stamp]) or b"" for stamp in stamps]


@dataclass
class DatabaseFlight(Flight):
    values: "Values"
    key: str
    header: bytes

    def _store(self, entry: Entry) -> bool:
        # If the stamps have lapsed meanwhile, the value is stored in vain.
        seconds = (entry.expires_ms - now_ms()) / 1000
        if seconds > 0:
            self.values.set(self.key, self.header + entry.pack(), seconds)
        return seconds > 0

    def _abandon(self, *, is_uncacheable: bool) -> None:
        if is_uncacheable:
            self.values.set(self.key, UNCACHEABLE, PASS_SECONDS)


class Values:
    """Django's cache, with keys of any form, and no value where it fails.

    Bytes travel as text, which every serializer takes; latin-1 maps one to one.
    """

    def __init__(self, cache: BaseCache) -> None:
        self._cache = cache

    def get(self, key: str) -> bytes | None:
        try:
            stored = self._cache.get(self._name(key))
        except CACHE_ERRORS as error:
            logger.warning("cache: %s", error)
            return None
        return stored.encode("latin-1") if isinstance(stored, str) else None

    def set(self, key: str, stored: bytes, seconds: float) -> None:
        try:
            self._cache.set(self._name(key), stored.decode("latin-1"), seconds)
        except CACHE_ERRORS as error:
            logger.warning("cache: %s", error)

    def _name(self, key: str) -> str:
        return "coherent:" + blake2b(key.encode(), digest_size=16).hexdigest()


def read_header(stamps: Sequence[str]) -> bytes | None:
    """Read the current stamps, in this order; None if one cannot be told."""
    connection = connections[DEFAULT_DB_ALIAS]
    if not has_table(connection):
        return None
    slots = [slot_of(stamp) for stamp in stamps]
    places = ", ".join(["%s"] * len(slots))
    table = connection.ops.quote_name(Stamp._meta.db_table)
    query = f"SELECT slot, stamp FROM {table} WHERE slot IN ({places})"  # noqa: S608
    with connection.cursor() as cursor:
        cursor.execute(query, slots)
        found = dict(cursor.fetchall())
    if len(found) < len(set(slots)):
        return None
    return b"".join(b"%016x" % found[slot] for slot in slots)


def write_stamps(connection: BaseDatabaseWrapper, stamps: Iterable[str]) -> None:
    """Change stamps in the running transaction."""
    if not has_table(connection):
        return  # Nothing can have been cached yet.
    slots = sorted({slot_of(stamp) for stamp in stamps})
    places = ", ".join(["%s"] * len(slots))
    table = connection.ops.quote_name(Stamp._meta.db_table)
    query = f"UPDATE {table} SET stamp = %s WHERE slot IN ({places})"  # noqa: S608
    with connection.cursor() as cursor:
        cursor.execute(query, [secrets.randbits(63), *slots])


def fill_slots() -> None:
    Stamp.objects.bulk_create(
        [Stamp(slot=slot, stamp=secrets.randbits(63)) for slot in range(SLOTS)],
        ignore_conflicts=True,
    )


@lru_cache(maxsize=4096)
def slot_of(stamp: str) -> int:
    if stamp == EVERYTHING:
        return 0
    return 1 + crc32(stamp.encode()) % (SLOTS - 1)


def has_table(connection: BaseDatabaseWrapper) -> bool:
    """Tell whether migrations have made the table; asked until they have."""
    database = connection.alias, str(connection.settings_dict["NAME"])
    if database not in _with_table:
        with connection.cursor() as cursor:
            names = connection.introspection.table_names(cursor)
        if Stamp._meta.db_table not in names:
            return False
        _with_table.add(database)
    return True

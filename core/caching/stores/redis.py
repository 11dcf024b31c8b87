"""Stamps in Redis, beside the values: one round trip validates a value.

Writers: directly before COMMIT a transaction deletes the stamps of its tags and
leaves a mark; directly after COMMIT it deletes them again and takes the mark back.
Readers: stamps are random, made by a miss only, and only while no mark stands.

*Why no reader who knows of a commit gets an older value.* He would have to accept a
value built under a stamp s. If s was there when the mark was set, it was deleted,
and random values do not come back. While the mark stood, none was made. So s is
younger than the mark's end, which came after COMMIT; the builder read s first and
the database afterwards, hence after COMMIT. A killed writer's mark runs out after
``hold``, the longest COMMIT that is reckoned with.

The argument needs three things of Redis, which it does not promise:

*That its memory does not go back in time* (a restart from a snapshot, a replica
promoted). The stamp of everything, which each value carries, names the server's run;
every new connection compares it before its first use.

*That it does not forget marks* (flushed, restarted empty). The stamp of everything
is then gone; whoever makes it anew lets nothing be built for ``hold``.

*That the mark arrives.* If it does not, the transaction writes a new generation in
the database instead, in the same transaction. A process that trusts Redis has read
the generation at most ``guard`` ago, and always after its last new connection; the
stamp of everything names the generation it goes with. So what remains: a reader who
reaches Redis while a writer does not may be one ``guard`` behind.
"""

import logging
import secrets
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from django.db.backends.base.base import BaseDatabaseWrapper
from redis.exceptions import RedisError

from core.caching.options import options
from core.caching.stores import scripts
from core.caching.stores.base import (
    TAKES_LONG,
    Bypass,
    Delay,
    Entry,
    Flight,
    StampChange,
    StampStore,
    now_ms,
)
from core.caching.stores.database import read_header, write_stamps
from core.caching.stores.link import Breaker, Connection, Link
from core.caching.tags import EVERYTHING

# Longer than any value lives: a stamp that runs out earlier costs a miss.
STAMP_LIFE_MS = 7 * 24 * 3600 * 1000
PASS_MS = 2000
# A COMMIT whose answer was lost may wait in the database's queue this long.
DOUBT_MS = 60_000
# Most commits take less: to wait for the end of one is cheaper than to read beside it.
COMMIT_SECONDS = 0.01
# The generation's place in the stamp of everything, after the server's run.
GENERATION = slice(16, 32)

logger = logging.getLogger(__name__)


class Trust(NamedTuple):
    """What the database said of writers that could not leave their mark."""

    generation: bytes
    checked_at: float
    connects: int


NO_TRUST = Trust(b"", float("-inf"), -1)


class RedisStore(StampStore):
    def __init__(self, cache: dict[str, Any]) -> None:
        super().__init__()
        location = cache["LOCATION"]
        if not isinstance(location, str):
            location = location[0]  # The primary: a replica may lack the marks.
        self._prefix = f"{cache.get('KEY_PREFIX') or 'cache'}:coherent:"
        self._all = self.name("stamp", EVERYTHING)
        self._trust = NO_TRUST
        self._is_checking = False
        chosen = options()
        self._breaker = Breaker(chosen.breaker, _log_change)
        self._link = Link(
            location,
            connect_timeout=chosen.connect_timeout,
            socket_timeout=chosen.socket_timeout,
            on_connect=self._introduce,
        )

    def name(self, kind: str, what: str) -> str:
        return f"{self._prefix}{kind}:{what}"

    def find(self, key: str, stamps: Sequence[str]) -> Entry | None:
        if self._breaker.is_open:
            return None
        names = [self.name("stamp", stamp) for stamp in stamps]
        try:
            generation, values = self._read([*names, self.name("entry", key)])
        except RedisError as error:
            self._breaker.failed(error)
            return None
        self._breaker.succeeded()
        stored = values.pop()
        if None in values or values[0][GENERATION] != generation:
            return None
        return Entry.unpack(stored, b"".join(values))

    def _read(self, names: list[str]) -> tuple[bytes, list[Any]]:
        """Read under a trust that is younger than every connection."""
        for _attempt in range(3):
            trust = self._current_trust()
            values = self._link.read("MGET", *names)
            if self._link.connects == trust.connects:
                return trust.generation, values
        return b"", [None] * len(names)

    def _acquire(
        self, key: str, stamps: Sequence[str], is_forced: bool
    ) -> Entry | Flight | Bypass | Delay:
        if self._breaker.is_open:
            return Bypass("Redis is left alone after a failure")
        try:
            outcome = self._acquire_in_redis(key, stamps, is_forced)
        except RedisError as error:
            self._breaker.failed(error)
            return Bypass(f"Redis: {error}")
        self._breaker.succeeded()
        return outcome

    def _acquire_in_redis(
        self, key: str, stamps: Sequence[str], is_forced: bool
    ) -> Entry | Flight | Bypass | Delay:
        trust = self._current_trust()
        if not trust.generation:
            return Bypass("no stamps: run migrate")
        flight = RedisFlight(self, key, tuple(stamps), secrets.token_hex(8))
        status, *found = self._run(
            scripts.ACQUIRE,
            [self._all, self.name("mark", EVERYTHING), *flight.places],
            [self.name(kind, tag) for kind in ("stamp", "mark") for tag in stamps[1:]],
            secrets.token_hex(8),
            flight.token,
            int(options().lease * 1000),
            STAMP_LIFE_MS,
            "" if is_forced else now_ms(),
            trust.generation,
            int(options().hold * 1000),
            int(COMMIT_SECONDS * 1000),
        )
        if status == b"BUILD":
            return replace(flight, header=found[0])
        if status == b"HIT" and self._link.connects == trust.connects:
            header, stored = found
            if entry := Entry.unpack(stored, header):
                return entry
        if status == b"RENEW":
            self._renew()
        if status == b"COMMIT":
            return Delay(COMMIT_SECONDS, "being changed")
        return BYPASSES.get(status) or Delay(options().wait, TAKES_LONG)

    def _renew(self) -> None:
        self._trust = NO_TRUST
        generation = self._current_trust().generation
        if generation:
            names = [self._all, self.name("mark", EVERYTHING)]
            random, hold_ms = secrets.token_hex(8), int(options().hold * 1000)
            self._run(scripts.RENEW, names, [], generation, random, hold_ms)

    def _current_trust(self) -> Trust:
        """Ask the database at most every ``guard`` seconds, in time by one reader."""
        trust, now, guard = self._trust, time.monotonic(), options().guard
        age = now - trust.checked_at
        is_current = trust.connects == self._link.connects and age < guard
        if is_current and (age < guard / 2 or self._is_checking):
            return trust
        self._is_checking = True
        try:
            connects = self._link.connects
            generation = read_header([EVERYTHING]) or b""
            self._trust = Trust(generation, now, connects)
        finally:
            self._is_checking = False
        return self._trust

    def forget_trust(self) -> None:
        self._trust = NO_TRUST

    def begin_change(
        self, connection: BaseDatabaseWrapper, stamps: Iterable[str]
    ) -> StampChange:
        if change := self.begin_statement(stamps):
            return change
        write_stamps(connection, [EVERYTHING])
        return UnmarkedChange(self)

    def begin_statement(self, stamps: Iterable[str]) -> StampChange | None:
        change = RedisChange(self, tuple(stamps), secrets.token_hex(8))
        return change if change.mark(options().hold * 1000) else None

    def attempt(self, script: str, names: list[str], *args: str | bytes | int) -> Any:
        """Run a script; None if Redis fails or is left alone."""
        if self._breaker.is_open:
            return None
        try:
            reply = self._run(script, names, [], *args)
        except RedisError as error:
            self._breaker.failed(error)
            return None
        self._breaker.succeeded()
        return reply

    def _run(
        self,
        script: str,
        names: list[str],
        more: list[str],
        *args: str | bytes | int,
    ) -> Any:
        count = len(names) + len(more)
        return self._link.run("EVAL", script, count, *names, *more, *args)

    def _introduce(self, connection: Connection) -> None:
        connection.send_command("EVAL", scripts.INTRODUCE, 1, self._all)
        connection.read_response()

    def peek(self, key: str) -> bytes | None:
        stored: bytes | None = self._link.run("GET", self.name("entry", key))
        return stored

    def current(self, stamps: Sequence[str]) -> list[bytes]:
        names = [self.name("stamp", stamp) for stamp in stamps]
        return [value or b"" for value in self._link.run("MGET", *names)]

    def keys(self) -> Iterator[str]:
        start, cursor = self.name("entry", ""), b"0"
        while True:
            found = self._link.run("SCAN", cursor, "MATCH", f"{start}*", "COUNT", 100)
            cursor, names = found
            yield from (name.decode().removeprefix(start) for name in names)
            if cursor == b"0":
                return


BYPASSES = {
    b"DIRTY": Bypass("being changed"),
    b"PASS": Bypass("the last value could not be stored"),
    b"RENEW": Bypass("Redis has just been renewed"),
}


@dataclass
class RedisFlight(Flight):
    origin: RedisStore
    key: str
    stamps: tuple[str, ...]
    token: str
    header: bytes = b""

    @property
    def places(self) -> list[str]:
        return [
            self.origin.name("entry", self.key),
            self.origin.name("lease", self.key),
        ]

    def _store(self, entry: Entry) -> bool:
        life_ms = entry.expires_ms - now_ms()
        if life_ms <= 0:
            self._abandon(is_uncacheable=False)
            return False
        names = [self.origin.name("stamp", stamp) for stamp in self.stamps]
        names = [names[0], *self.places, *names[1:]]
        args = self.token, self.header, entry.pack(), life_ms
        return bool(self.origin.attempt(scripts.STORE, names, *args))

    def _abandon(self, *, is_uncacheable: bool) -> None:
        pass_ms = PASS_MS if is_uncacheable else 0
        self.origin.attempt(scripts.ABANDON, self.places[1:], self.token, pass_ms)


@dataclass(frozen=True)
class RedisChange(StampChange):
    origin: RedisStore
    stamps: tuple[str, ...]
    token: str

    def mark(self, hold_ms: float) -> bool:
        args = self.token, secrets.token_hex(8), int(hold_ms)
        return bool(self.origin.attempt(scripts.MARK, self._names, *args))

    def committed(self) -> None:
        args = self.token, secrets.token_hex(8)
        self.origin.attempt(scripts.RELEASE, self._names, *args)

    rolled_back = committed

    def in_doubt(self) -> None:
        self.mark(DOUBT_MS)

    @property
    def _names(self) -> list[str]:
        kinds = ("stamp", "mark")
        names = [self.origin.name(kind, tag) for kind in kinds for tag in self.stamps]
        return [self.origin.name("stamp", EVERYTHING), *names]


@dataclass(frozen=True)
class UnmarkedChange(StampChange):
    """Told by the database alone; this process knows it at once."""

    origin: RedisStore

    def committed(self) -> None:
        self.origin.forget_trust()

    def in_doubt(self) -> None:
        self.origin.forget_trust()


def _log_change(error: Exception | None) -> None:
    if error is None:
        logger.warning("cache: Redis answers again")
    else:
        logger.warning(
            "cache: Redis fails, values are read from the database: %s", error
        )

"""What a stamp store does, for readers and for writers.

The invariant every store keeps, and on which all else rests: *a value is accepted
only under stamps that are current, it was loaded after those stamps were read, and
a transaction that changes a tag makes its stamps lapse, for good, before anybody
can be told of the commit.* So whoever knows of a commit finds no older value; a
late store, a lost message or a killed writer costs a miss.
"""

import logging
import random
import time
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Self

from django.db.backends.base.base import BaseDatabaseWrapper

from core.caching.options import options
from core.caching.stores.leases import Lease, Leases

_TIME_BYTES = 13

TAKES_LONG = "another rebuild takes long"

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Entry:
    """A value as it is stored: stamps, times of building and expiry, payload."""

    built_ms: int
    expires_ms: int
    payload: bytes

    def pack(self) -> bytes:
        return b"%013d%013d%b" % (self.built_ms, self.expires_ms, self.payload)

    @classmethod
    def unpack(cls, stored: bytes | None, header: bytes) -> Self | None:
        """Give the entry if it carries exactly these stamps and has not expired.

        The reader's clock decides, not the store's: a value that must vanish at a
        moment is gone in that moment.
        """
        if stored is None or not stored.startswith(header):
            return None
        start = len(header)
        middle, end = start + _TIME_BYTES, start + 2 * _TIME_BYTES
        try:
            times = int(stored[start:middle]), int(stored[middle:end])
        except ValueError:
            logger.warning("cache: an entry has no times and is rebuilt")
            return None
        return cls(*times, stored[end:]) if times[1] > now_ms() else None


def now_ms() -> int:
    return time.time_ns() // 1_000_000


@dataclass(frozen=True)
class Bypass:
    """The value must be read from its source and may not be stored."""

    reason: str


@dataclass(frozen=True)
class Delay:
    """Somebody is at it: look again, and bypass the value after so many seconds."""

    seconds: float
    reason: str


class Flight(ABC):
    """The right, and the duty, to rebuild one value; exactly one call ends it."""

    lease: Lease
    """Of the thread that rebuilds; set by ``look_up``."""

    def store(self, entry: Entry) -> bool:
        """Store the value unless its stamps have lapsed meanwhile."""
        try:
            return self._store(entry)
        finally:
            self.lease.end()

    def abandon(self, *, is_uncacheable: bool = False) -> None:
        """Let somebody else rebuild; or, for a while, everybody read by himself."""
        try:
            self._abandon(is_uncacheable=is_uncacheable)
        finally:
            self.lease.end()

    @abstractmethod
    def _store(self, entry: Entry) -> bool: ...

    @abstractmethod
    def _abandon(self, *, is_uncacheable: bool) -> None: ...


class StampChange:
    """One transaction's change of stamps, begun before its COMMIT.

    Exactly one of the methods ends it, none if the process dies. They must not fail.
    """

    def committed(self) -> None:
        """Let values be built again: they will contain the change."""

    def rolled_back(self) -> None:
        """Let values be built again: nothing has changed."""

    def in_doubt(self) -> None:
        """Keep values from being built while the COMMIT may still take place."""


class StampStore(ABC):
    def __init__(self) -> None:
        self._leases = Leases()

    def look_up(
        self,
        key: str,
        stamps: Sequence[str],
        *,
        is_forced: bool = False,
        is_missed: bool = False,
    ) -> Entry | Flight | Bypass:
        """Find a value, or who is to rebuild it; waits briefly for another's rebuild.

        ``is_forced`` asks for a rebuild even if there is a valid value; ``is_missed``
        says that the caller has just found none.
        """
        if not (is_forced or is_missed) and (entry := self.find(key, stamps)):
            return entry
        deadline = time.monotonic() + options().wait
        while True:
            lease, is_mine = self._leases.claim(key)
            if is_mine:
                return self._see_to(key, stamps, lease, is_forced=is_forced)
            if not lease.ended.wait(deadline - time.monotonic()):
                return Bypass(TAKES_LONG)
            if lease.bypass:
                return lease.bypass
            if not is_forced and (entry := self.find(key, stamps)):
                return entry

    def _see_to(
        self, key: str, stamps: Sequence[str], lease: Lease, *, is_forced: bool
    ) -> Entry | Flight | Bypass:
        """Ask, for all threads that wait for this one."""
        try:
            outcome = self._poll(key, stamps, is_forced)
        except BaseException:
            lease.end()
            raise
        if isinstance(outcome, Flight):
            outcome.lease = lease
        else:
            lease.end(outcome if isinstance(outcome, Bypass) else None)
        return outcome

    def _poll(
        self, key: str, stamps: Sequence[str], is_forced: bool
    ) -> Entry | Flight | Bypass:
        """Ask until nobody else is at it, or for as long as that is worth while."""
        began, pauses = time.monotonic(), _pauses()
        while isinstance(outcome := self._acquire(key, stamps, is_forced), Delay):
            left = began + outcome.seconds - time.monotonic()
            if left <= 0:
                return Bypass(outcome.reason)
            time.sleep(min(left, next(pauses)))
        return outcome

    @abstractmethod
    def find(self, key: str, stamps: Sequence[str]) -> Entry | None:
        """Read a valid value: the hot path."""

    @abstractmethod
    def _acquire(
        self, key: str, stamps: Sequence[str], is_forced: bool
    ) -> Entry | Flight | Bypass | Delay:
        """Read again or take over the rebuild."""

    @abstractmethod
    def begin_change(
        self, connection: BaseDatabaseWrapper, stamps: Iterable[str]
    ) -> StampChange:
        """Make stamps lapse, inside the transaction, directly before its COMMIT."""

    def begin_statement(self, stamps: Iterable[str]) -> StampChange | None:
        """Make stamps lapse before a statement that commits by itself.

        None if that cannot be promised without a transaction.
        """
        return None

    @abstractmethod
    def peek(self, key: str) -> bytes | None:
        """Read what is stored, valid or not: for people."""

    @abstractmethod
    def current(self, stamps: Sequence[str]) -> list[bytes]:
        """Read stamps as they are now, empty if there is none: for people."""

    def keys(self) -> Iterator[str]:
        """List keys of stored values, if the store can tell: for people."""
        return iter(())


def _pauses() -> Iterator[float]:
    """Look soon, then less often: some rebuilds take a millisecond, some a second."""
    longest = 0.001
    while True:
        yield random.uniform(longest / 2, longest)  # noqa: S311 (spreads retries)
        longest = min(2 * longest, 0.02)

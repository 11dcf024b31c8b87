"""What every kind of cached thing does: look up, else build and store."""

import logging
import random
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Generic, NamedTuple, TypeVar

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import DEFAULT_DB_ALIAS, connections

from core.caching.stores import Bypass, Entry, Flight, current_store
from core.caching.stores.base import now_ms
from core.caching.transactions import in_transaction
from core.signals import cache_hit, cache_miss, cache_stored

T = TypeVar("T")
Timeout = float | timedelta | None
Until = Callable[[], datetime | None]

DEFAULT_TIMEOUT_SECONDS = 300
# What was built in one moment does not expire in one moment.
JITTER = 0.1

IN_TRANSACTION = Bypass("in a transaction")

logger = logging.getLogger(__name__)


class Hit(NamedTuple, Generic[T]):
    value: T


def look_up(
    key: str,
    stamps: Sequence[str],
    decode: Callable[[bytes], T],
    *,
    is_forced: bool = False,
    is_missed: bool = False,
) -> Hit[T] | Flight | Bypass:
    """Find a value, or the right to build it, or why it may not be stored.

    Inside of a transaction the cache is left alone: what it sees may be older or,
    its own writes, newer than what others may see. ``is_missed`` says that ``find``
    has just found nothing.
    """
    if not isinstance(key, str) or not key:
        raise ImproperlyConfigured(
            f"A cache key must be a string such as 'banners', found {key!r}."
        )
    if in_transaction(connections[DEFAULT_DB_ALIAS]):
        return _missed(key, IN_TRANSACTION)
    found = current_store().look_up(
        key, stamps, is_forced=is_forced, is_missed=is_missed
    )
    if not isinstance(found, Entry):
        return _missed(key, found)
    try:
        return _hit(key, found, decode)
    except (ValueError, TypeError) as error:
        logger.warning("cache: the entry %r is damaged and rebuilt: %s", key, error)
        return look_up(key, stamps, decode, is_forced=True)


def find(
    key: str, stamps: Sequence[str], decode: Callable[[bytes], T]
) -> Hit[T] | None:
    """Find a value that is there; what else there is to do is for ``look_up``."""
    if in_transaction(connections[DEFAULT_DB_ALIAS]):
        return None
    entry = current_store().find(key, stamps)
    return _hit(key, entry, decode) if entry else None


def build(
    flight: Flight,
    key: str,
    load: Callable[[], T],
    pack: Callable[[T], bytes | None],
    timeout: Timeout,
    until: Until | None,
) -> T:
    """Load and store; None from ``pack`` means that this one cannot be stored."""
    try:
        # Before loading: a moment that passes meanwhile must not be overlooked.
        built_ms = now_ms()
        expires_ms = _expiry_ms(built_ms, timeout, until)
        value = load()
        payload = pack(value)
    except BaseException:
        flight.abandon()
        raise
    if payload is None:
        flight.abandon(is_uncacheable=True)
    elif flight.store(Entry(built_ms, expires_ms, payload)):
        cache_stored.send_robust(None, key=key)
    return value


def seconds_of(timeout: Timeout) -> float:
    """Check a timeout; the default is that of Flask-Caching."""
    if timeout is None:
        timeout = getattr(settings, "CACHE_DEFAULT_TIMEOUT", DEFAULT_TIMEOUT_SECONDS)
    seconds = timeout.total_seconds() if isinstance(timeout, timedelta) else timeout
    if not isinstance(seconds, int | float) or not seconds > 0:
        raise ImproperlyConfigured(
            f"A cache timeout is {timeout!r}: expected a positive number of seconds "
            "or a timedelta."
        )
    return seconds


def _expiry_ms(built_ms: int, timeout: Timeout, until: Until | None) -> int:
    shorter = 1 - random.random() * JITTER  # noqa: S311 (spreads the load)
    expires_ms = built_ms + int(seconds_of(timeout) * 1000 * shorter)
    if until and (moment := until()):
        expires_ms = min(expires_ms, int(moment.timestamp() * 1000))
    return expires_ms


def _hit(key: str, entry: Entry, decode: Callable[[bytes], T]) -> Hit[T]:
    hit = Hit(decode(entry.payload))
    if cache_hit.receivers:
        cache_hit.send_robust(None, key=key)
    return hit


def _missed(key: str, found: Flight | Bypass) -> Flight | Bypass:
    if cache_miss.receivers:
        reason = found.reason if isinstance(found, Bypass) else "miss"
        cache_miss.send_robust(None, key=key, reason=reason)
    return found

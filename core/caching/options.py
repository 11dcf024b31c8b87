"""``settings.COHERENT_CACHE``: all optional, durations in seconds."""

from dataclasses import dataclass, fields
from functools import lru_cache
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.signals import setting_changed

STORES = ("auto", "redis", "database")


@dataclass(frozen=True)
class Options:
    stamps: str = "auto"
    """Where stamps live; ``auto`` takes Redis if the cache alias is django-redis."""
    alias: str = "default"
    """The entry of ``CACHES`` that holds the values."""
    hold: float = 10
    """The longest COMMIT that is reckoned with."""
    lease: float = 5
    """After this time somebody else may rebuild what a builder has not finished."""
    wait: float = 1
    """How long a reader waits for another's rebuild before it reads by itself."""
    guard: float = 1
    """How old may be what a process knows of marks that Redis has missed."""
    breaker: float = 1
    """How long Redis is left alone after a failure."""
    connect_timeout: float = 0.3
    socket_timeout: float = 0.5


@lru_cache(maxsize=1)
def options() -> Options:
    given: dict[str, Any] = getattr(settings, "COHERENT_CACHE", {})
    known = {field.name.upper(): field for field in fields(Options)}
    for name, value in given.items():
        if name not in known:
            raise _wrong(name, value, f"one of the names {', '.join(known)}")
        if known[name].type is float and not _is_positive(value):
            raise _wrong(name, value, "a positive number of seconds")
    chosen = Options(**{name.lower(): value for name, value in given.items()})
    if chosen.stamps not in STORES:
        raise _wrong("STAMPS", chosen.stamps, f"one of {', '.join(STORES)}")
    if chosen.alias not in settings.CACHES:
        raise _wrong("ALIAS", chosen.alias, "a name in CACHES")
    return chosen


def _is_positive(value: object) -> bool:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return is_number and value > 0  # type: ignore[operator]


def _wrong(name: str, value: object, expected: str) -> ImproperlyConfigured:
    return ImproperlyConfigured(
        f"COHERENT_CACHE[{name!r}] is {value!r}: expected {expected}."
    )


def forget_options(*, setting: str, **kwargs: object) -> None:
    if setting in {"COHERENT_CACHE", "CACHES"}:
        options.cache_clear()


setting_changed.connect(forget_options, dispatch_uid="core.caching.forget_options")

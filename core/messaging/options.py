"""The settings ``MESSAGES_…``: all optional."""

from dataclasses import dataclass, fields
from functools import lru_cache

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.signals import setting_changed

DELIVERIES = ("in_process", "workers")


@dataclass(frozen=True)
class Options:
    delivery: str = "in_process"
    """Who delivers: a thread of the process that enqueued, or ``send_messages``."""
    lease_seconds: float = 60
    """How long a worker that gives no sign of life keeps what it has taken."""
    max_attempts: int = 15
    """After so many attempts a message is given up: some five hours after the first."""
    hourly_limit: int = 0
    """How many messages a recipient gets in an hour, more wait; 0: no limit."""


@lru_cache(maxsize=1)
def options() -> Options:
    names = [field.name for field in fields(Options)]
    given = {
        name: getattr(settings, setting)
        for name in names
        if hasattr(settings, setting := f"MESSAGES_{name.upper()}")
    }
    chosen = Options(**given)
    if chosen.delivery not in DELIVERIES:
        raise _wrong("DELIVERY", chosen.delivery, f"one of {', '.join(DELIVERIES)}")
    if not _is_number(chosen.lease_seconds, int | float) or chosen.lease_seconds <= 0:
        raise _wrong("LEASE_SECONDS", chosen.lease_seconds, "a number above 0")
    if not _is_number(chosen.max_attempts, int) or chosen.max_attempts < 1:
        raise _wrong("MAX_ATTEMPTS", chosen.max_attempts, "a whole number, 1 or more")
    if not _is_number(chosen.hourly_limit, int) or chosen.hourly_limit < 0:
        raise _wrong("HOURLY_LIMIT", chosen.hourly_limit, "a whole number, 0 or more")
    return chosen


def _is_number(value: object, kind: object) -> bool:
    return isinstance(value, kind) and not isinstance(value, bool)  # type: ignore[arg-type]


def _wrong(name: str, value: object, expected: str) -> ImproperlyConfigured:
    return ImproperlyConfigured(f"MESSAGES_{name} is {value!r}: expected {expected}.")


def forget_options(*, setting: str, **kwargs: object) -> None:
    if setting.startswith("MESSAGES_"):
        options.cache_clear()


setting_changed.connect(forget_options, dispatch_uid="core.messaging.forget_options")

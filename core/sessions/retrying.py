"""What to do when the database refuses, or is lost, while a session is stored."""

import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from django.db import InterfaceError, InternalError, OperationalError, connections

T = TypeVar("T")
STORAGE_ERRORS = (OperationalError, InterfaceError, InternalError)

RETRIES = 3
# Who has waited for a lock as long as the server lets him does not wait again.
RETRY_SECONDS = 5
LOCK_WAIT_TIMEOUT, DEADLOCK = 1205, 1213
# The server has gone, or ended this connection: perhaps after it did the work.
LOST = {1053, 1927, 2006, 2013, 2055, 4031}


class SessionUnavailable(InterfaceError):
    """The session could not be read or stored; nothing is known about the visitor.

    Not the same as a visitor without a session: the site answers 503, as for every
    InterfaceError, and the cookie stays.
    """


@contextmanager
def unavailable_on_failure() -> Iterator[None]:
    try:
        yield
    except SessionUnavailable:
        raise
    except STORAGE_ERRORS as error:
        raise SessionUnavailable(f"The session store failed: {error}") from error


def retried(attempt: Callable[[Exception | None], T], using: str) -> T:
    """Call ``attempt(failure)`` until it succeeds, or there is no hope that it will.

    ``failure`` is what ended the attempt before, None at first. An attempt that
    follows a lost connection must find out what the one before has done.
    """
    failure: Exception | None = None
    last_start = time.monotonic() + RETRY_SECONDS
    for retries_left in reversed(range(RETRIES + 1)):
        try:
            return attempt(failure)
        except SessionUnavailable:
            raise
        except STORAGE_ERRORS as error:
            is_hopeless = not (is_contention(error) or may_have_happened(error))
            is_late = time.monotonic() > last_start
            # A failure inside of somebody's transaction is that transaction's end.
            if is_hopeless or is_late or not retries_left or is_enclosed(using):
                raise SessionUnavailable(
                    f"The session could not be stored: {error}"
                ) from error
            failure = error
        connections[using].close_if_unusable_or_obsolete()
        time.sleep(random.uniform(0.005, 0.03))  # noqa: S311 (spreads retries)
    raise AssertionError("the last attempt returns or raises")


def is_contention(error: Exception) -> bool:
    """Tell whether the database gave others precedence and undid the transaction."""
    reason = error.args[0] if error.args else ""
    return reason in (LOCK_WAIT_TIMEOUT, DEADLOCK) or "locked" in str(reason)


def may_have_happened(error: Exception) -> bool:
    """Tell whether the connection was lost after the statement was sent."""
    return isinstance(error, InterfaceError) or (
        bool(error.args) and error.args[0] in LOST
    )


def is_enclosed(using: str) -> bool:
    """Tell whether a transaction that somebody else will end is under way.

    Those that a TestCase puts around each test do not count, as for Django's
    ``atomic(durable=True)``: tests see what happens without them.
    """
    blocks = connections[using].atomic_blocks
    return any(
        not block._from_testcase  # type: ignore[attr-defined]
        for block in blocks
    )

"""The copy of a session in Redis: valid while nobody has changed the row.

It is made by whoever reads the row, never by whoever writes it: ``core.caching``
voids it with the commit that changes or deletes the row. So a rollback, a lost
Redis or an old snapshot of Redis cannot bring back what a session was.

Someone who can write to Redis must not become someone else. So a copy is signed,
together with the name of its session (another's copy does not fit) and the time it
was made (an old one can be played back for as long as a copy lives, not longer).
"""

import logging
from functools import lru_cache, partial

from django.core.signing import BadSignature, TimestampSigner
from django.db import connections

from core.caching import get_or_build, track
from core.caching.stores import is_in_redis
from core.caching.transactions import in_transaction
from core.sessions import rows
from core.sessions.options import options
from core.sessions.recent import was_changed
from core.sessions.rows import Record

MODEL = "core_sessions.Session"
COPY_SECONDS = 300

logger = logging.getLogger(__name__)
_is_followed = False


def follow_changes() -> None:
    """Without Redis there are no copies: a stamp costs the query that the row does."""
    global _is_followed
    _is_followed = is_in_redis()
    if _is_followed:
        track(MODEL)


def has_copies() -> bool:
    """Tell whether all processes have followed changes since they started."""
    return _is_followed and is_in_redis()


def find(digest: str) -> Record | None:
    """Read a session: from its copy, else from its row."""
    # A transaction sees what others must not: there the cache is left alone.
    is_inside = in_transaction(connections[rows.database()])
    if not has_copies() or is_inside or was_changed(digest):
        return rows.find(digest)
    try:
        _require_row(digest)
        return _read(digest)
    except NoSuchRow:
        return None
    except BadSignature:
        logger.warning("The copy of a session has no valid signature and is rebuilt.")
        return _read(digest, forced_update=True)


class NoSuchRow(LookupError):
    """Nobody has been given this id, or it has been ended."""


@lru_cache(maxsize=10_000)
def _require_row(digest: str) -> None:
    """Keep ids that clients make up out of Redis, where each would leave a stamp.

    Asked once per session and process: an error is not remembered, and a session
    that has ended since has left its stamp before.
    """
    if rows.find(digest) is None:
        raise NoSuchRow


def _read(digest: str, *, forced_update: bool = False) -> Record | None:
    copy = get_or_build(
        options().key_prefix + digest,
        partial(_make, digest),
        tags=[f"{MODEL.lower()}:{digest}"],
        timeout=COPY_SECONDS,
        cache_none=False,
        forced_update=forced_update,
    )
    if copy is None:
        return None
    text = _signer(digest).unsign(str(copy), max_age=COPY_SECONDS)
    version, expires, seen, data = text.split(":", 3)
    return Record(int(version), float(expires), float(seen), data)


def _make(digest: str) -> str | None:
    record = rows.find(digest)
    if record is None:
        return None
    return _signer(digest).sign(":".join(map(str, record)))


def _signer(digest: str) -> TimestampSigner:
    return TimestampSigner(salt=f"core.sessions.copy:{digest}")

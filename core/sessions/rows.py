"""Sessions in the database: one row each, which is the truth.

The functions run single statements. Who may retry them, and how, is decided in
``store``.
"""

import logging
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from django.contrib.sessions.backends.base import CreateError
from django.core import signing
from django.db import IntegrityError, router, transaction
from django.utils import timezone

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from core.sessions.models import Session

SALT = "core.sessions.data"

logger = logging.getLogger(__name__)


class Record(NamedTuple):
    """A stored session: ``text`` is its data, serialized; times are in seconds."""

    version: int
    expires: float
    seen: float
    text: str


class Verbatim:
    """Lets ``signing`` sign what is serialized already."""

    def dumps(self, text: str) -> bytes:
        return text.encode("latin-1")

    def loads(self, data: bytes) -> str:
        return data.decode("latin-1")


def rows() -> "QuerySet[Session]":
    """All rows, in the database they are written to: a replica may lag behind."""
    # INSTALLED_APPS imports this package before there can be models.
    from core.sessions.models import Session

    return Session.objects.using(database())


def database() -> str:
    from core.sessions.models import Session

    return router.db_for_write(Session)


def find(digest: str) -> Record | None:
    return _record(rows().filter(pk=digest))


def find_locked(digest: str) -> Record | None:
    """Read what is committed, and keep others from writing until the commit.

    A transaction whose COMMIT was sent holds the row as well: so this waits until
    it has happened or never will.
    """
    return _record(rows().filter(pk=digest).select_for_update())


def insert(digest: str, record: Record, **columns: Any) -> None:
    row = rows().model(pk=digest, **_columns(record), **columns)
    try:
        with transaction.atomic(using=database()):
            row.save(force_insert=True, using=database())
    except IntegrityError as error:
        raise CreateError from error


def replace(digest: str, version: int, record: Record, **columns: Any) -> bool:
    """Compare and set: tell whether the row still had this version."""
    row = rows().filter(pk=digest, version=version)
    return row.update(**_columns(record), **columns) == 1


def prolong(digest: str, record: Record, **columns: Any) -> bool:
    """Set what is no data, whatever the version; tell whether there is such a row."""
    times = _columns(record)
    del times["session_data"], times["version"]
    return rows().filter(pk=digest).update(**times, **columns) == 1


def delete(digests: Sequence[str]) -> int:
    """Delete rows by their keys, so that only their copies become void."""
    return rows().filter(pk__in=digests).delete()[0]


def _record(row: "QuerySet[Session]") -> Record | None:
    names = "version", "expire_date", "last_seen", "session_data"
    found = row.values_list(*names).first()
    if found is None:
        return None
    version, expires, seen, data = found
    try:
        text = signing.loads(data, salt=SALT, serializer=Verbatim)
    except signing.BadSignature:
        logger.warning("A stored session has no valid signature and is ignored.")
        return None
    return Record(version, expires.timestamp(), seen.timestamp(), text)


def _columns(record: Record) -> dict[str, Any]:
    return {
        "version": record.version,
        "expire_date": _moment(record.expires),
        "last_seen": _moment(record.seen),
        "session_data": signing.dumps(
            record.text, salt=SALT, serializer=Verbatim, compress=True
        ),
    }


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, tz=timezone.get_default_timezone())

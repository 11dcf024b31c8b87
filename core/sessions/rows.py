"""Sessions in the database: one row each, which is the truth.

The functions run single statements. Who may retry them, and how, is decided in
``store``.
"""

import logging
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

from django.contrib.sessions.backends.base import CreateError
from django.core import signing
from django.db import IntegrityError, connections, router, transaction

from core.caching.transactions import lone_statement

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from core.sessions.models import Session

SALT = "core.sessions.data"
NAMES = "version", "expire_date", "last_seen", "session_data"

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


@cache
def model() -> "type[Session]":
    # INSTALLED_APPS imports this package before there can be models.
    from core.sessions.models import Session

    return Session


def database() -> str:
    """Name the database that is written to: a replica may lag behind it."""
    return router.db_for_write(model())


def rows() -> "QuerySet[Session]":
    return model().objects.using(database())


def find(digest: str) -> Record | None:
    return _record(_select(digest))


def find_locked(digest: str) -> Record | None:
    """Read what is committed, and keep others from writing until the commit.

    A transaction whose COMMIT was sent holds the row as well: so this waits until
    it has happened or never will.
    """
    row = rows().filter(pk=digest).select_for_update()
    return _record(row.values_list(*NAMES).first())


def insert(digest: str, record: Record, **columns: Any) -> None:
    row = model()(pk=digest, **_columns(record), **columns)
    try:
        with transaction.atomic(using=database()):
            row.save(force_insert=True, using=database())
    except IntegrityError as error:
        raise CreateError from error


def replace(digest: str, version: int, record: Record, **columns: Any) -> bool:
    """Compare and set: tell whether the row still had this version."""
    values = {**_columns(record), **columns}
    return _update(values, session_key=digest, version=version) == 1


def prolong(digest: str, record: Record, **columns: Any) -> bool:
    """Set what is no data, whatever the version; tell whether there is such a row."""
    values = {**_columns(record), **columns}
    del values["session_data"], values["version"]
    return _update(values, session_key=digest) == 1


def delete(digests: Sequence[str]) -> int:
    """Delete rows by their keys, so that only their copies become void."""
    return rows().filter(pk__in=digests).delete()[0]


def _record(row: tuple[Any, ...] | None) -> Record | None:
    if row is None:
        return None
    version, expires, seen, data = row
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
    return datetime.fromtimestamp(seconds, tz=UTC)


# Every request of a visitor runs the first of these, and many the second. Written
# out, they cost half of what QuerySets do, which is more than the server takes.


def _select(digest: str) -> tuple[Any, ...] | None:
    connection, meta = connections[database()], model()._meta
    names = ", ".join(map(connection.ops.quote_name, NAMES))
    table = connection.ops.quote_name(meta.db_table)
    sql = f"SELECT {names} FROM {table} WHERE session_key = %s"  # noqa: S608
    with connection.cursor() as cursor:
        cursor.execute(sql, [digest])
        row = cursor.fetchone()
    if row is None:
        return None
    columns = (_field(name).get_col(meta.db_table) for name in NAMES)
    pairs = zip(columns, row, strict=True)
    return tuple(_from_database(column, value, connection) for column, value in pairs)


def _update(values: dict[str, Any], **where: Any) -> int:
    connection = connections[database()]
    table = connection.ops.quote_name(model()._meta.db_table)

    def terms(given: dict[str, Any], between: str) -> str:
        quote = connection.ops.quote_name
        return between.join(f"{quote(name)} = %s" for name in given)

    assigned, wanted = terms(values, ", "), terms(where, " AND ")
    sql = f"UPDATE {table} SET {assigned} WHERE {wanted}"  # noqa: S608
    params = [
        _field(name).get_db_prep_save(value, connection)
        for name, value in (*values.items(), *where.items())
    ]
    with lone_statement(), connection.cursor() as cursor:
        cursor.execute(sql, params)
        count: int = cursor.rowcount
    return count


@cache
def _field(name: str) -> Any:
    return model()._meta.get_field(name)


def _from_database(column: Any, value: Any, connection: Any) -> Any:
    for convert in connection.ops.get_db_converters(column):
        value = convert(value, column, connection)
    return value

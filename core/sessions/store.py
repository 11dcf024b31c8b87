"""The session of a request: loaded once, compared, merged, stored.

How a save loses nothing. A request remembers the version and the text it has
loaded. ``UPDATE … WHERE version = <loaded>`` succeeds only if nobody has stored
since. If somebody has, the row is locked, what *this* request has changed is
carried over to what is there, and stored under the lock. The request's own memory
follows only after the commit, so that after a rollback nothing passes for stored.

How a save is repeated. The database undoes a transaction that it refuses (deadlock,
lock wait), so the save may start anew. After a lost connection it may have happened:
the row is locked, which waits for the end of the transaction in doubt, and read. The
version before ours: it has not happened, and should the statement still arrive, it
will not find that version any more once ours is stored. Our version with our text:
it has. Anything else cannot be told, and is an error rather than a second write.
"""

import logging
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Self

from asgiref.sync import sync_to_async
from django.contrib.auth import SESSION_KEY as USER_KEY
from django.contrib.sessions.backends.base import (
    CreateError,
    SessionBase,
    UpdateError,
)
from django.contrib.sessions.exceptions import SessionInterrupted
from django.db import transaction

from core.sessions import copies, rows
from core.sessions.expiring import delete_expired
from core.sessions.ids import digest_of, is_possible, make_id
from core.sessions.merging import Data, merge
from core.sessions.options import options
from core.sessions.recent import note_change
from core.sessions.retrying import (
    SessionUnavailable,
    is_enclosed,
    may_have_happened,
    retried,
    unavailable_on_failure,
)
from core.sessions.rows import Record
from core.sessions.visitors import columns_of
from core.signals import session_set

if TYPE_CHECKING:
    from core.sessions.models import Session

logger = logging.getLogger(__name__)


class SessionStore(SessionBase):
    """Django's session API on a database row, with a validated copy in Redis."""

    request_meta: Mapping[str, Any] = {}
    """Where the request's address and browser are found; set by the middleware."""

    # What Django has not annotated.
    _session: Data
    _get_session: Callable[..., Data]

    def __init__(self, session_key: str | None = None) -> None:
        self._record: Record | None = None
        super().__init__(session_key)

    @classmethod
    def get_model_class(cls) -> "type[Session]":
        return rows.model()

    @property
    def key_salt(self) -> str:
        return rows.SALT

    @property
    def _digest(self) -> str:
        return digest_of(self.session_key or "")

    @property
    def modified(self) -> bool:
        """Whether there is something to save; a nested list that grew counts."""
        if self._is_marked or self._record is None:
            return self._is_marked
        return self._text_of(self._session_cache) != self._record.text

    @modified.setter
    def modified(self, value: bool) -> None:
        self._is_marked = value

    @property
    def is_due(self) -> bool:
        """Whether a session that was only read is to be prolonged by now."""
        if self._record is None or not options().is_sliding:
            return False
        return time.time() - self._record.seen >= options().touch_s

    # Loading

    def load(self) -> Data:
        record = self._find()
        try:
            data = self._data_of(record.text) if record else None
        except ValueError:
            logger.warning("A stored session cannot be read and is ignored.")
            data = None
        if data is None:
            self._session_key = None
            return {}
        self._record = record
        return data

    def exists(self, session_key: str) -> bool:
        with unavailable_on_failure():
            return rows.rows().filter(pk=digest_of(session_key)).exists()

    def _find(self) -> Record | None:
        with unavailable_on_failure():
            record = copies.find(self._digest)
        return record if record and record.expires > time.time() else None

    # Saving

    def create(self) -> None:
        while True:
            self._session_key = make_id()
            try:
                self.save(must_create=True)
            except CreateError:
                continue
            self.modified = True
            return

    def save(self, must_create: bool = False) -> None:
        """Store what has changed; raise UpdateError if the session was ended.

        Raises SessionUnavailable if the database fails, or may have.
        """
        if self.session_key is None:
            self.create()
        elif must_create:
            self._insert(self._get_session(no_load=True))
        else:
            self._update(self._session)

    def _insert(self, data: Data) -> None:
        digest, record = self._digest, self._next(data)

        def insert(failure: Exception | None) -> None:
            # Twice does no harm: the id is new, and a second row is refused.
            rows.insert(digest, record, **self._columns(data))

        retried(insert, rows.database())
        self._adopt(data, record)

    def _update(self, mine: Data) -> None:
        if self.session_key is None:  # Looked for just now, and not there.
            raise UpdateError
        base = self._record
        sent: Record | None = None
        doubtful: Record | None = None

        def update(failure: Exception | None) -> tuple[Data, Record]:
            nonlocal sent, doubtful
            if failure is None and base is not None:
                sent = self._next(mine, base)
                if self._replace(base, sent, mine):
                    return mine, sent
            if failure and may_have_happened(failure):
                doubtful = sent
            with transaction.atomic(using=rows.database()):
                current = self._lock()
                data = self._merge(mine, current)
                if doubtful and _has_happened(doubtful, current):
                    return data, current
                doubtful = None
                sent = self._next(data, current)
                self._replace(current, sent, data)
                return data, sent

        self._adopt(*retried(update, rows.database()))

    @contextmanager
    def locked(self) -> Iterator[Self]:
        """Hold the session's row, so that nobody else changes it: for counters.

        The block sees what is stored now; what it changes is committed with it, and
        undone if it raises. It cannot be put inside of another transaction.
        """
        mine = self._session
        if self.session_key is None:  # Nobody else can have it.
            yield self
            self.save()
            return
        before = self._text_of(mine), self._record
        try:
            with transaction.atomic(using=rows.database(), durable=True):
                with unavailable_on_failure():
                    current = self._lock()
                self._session_cache = self._merge(mine, current)
                self._record = current
                yield self
                record = self._next(self._session_cache, current)
                with unavailable_on_failure():
                    self._replace(current, record, self._session_cache)
        except BaseException:
            self._session_cache, self._record = self._data_of(before[0]), before[1]
            raise
        self._record = record

    def _lock(self) -> Record:
        current = rows.find_locked(self._digest)
        if current is None:
            raise UpdateError
        return current

    def _replace(self, base: Record, record: Record, data: Data) -> bool:
        digest, columns = self._digest, self._columns(data)
        if record.version == base.version:
            return rows.prolong(digest, record, **columns)
        is_replaced = rows.replace(digest, base.version, record, **columns)
        if is_replaced:
            note_change(digest)
        return is_replaced

    def _columns(self, data: Data) -> dict[str, Any]:
        return {"user_id": data.get(USER_KEY), **columns_of(self.request_meta)}

    def _merge(self, mine: Data, current: Record) -> Data:
        theirs = self._data_of(current.text)
        # What was never loaded has been replaced as a whole.
        base = self._data_of(self._record.text) if self._record else theirs
        return merge(mine, base, theirs, self._text_of)

    def _adopt(self, data: Data, record: Record) -> None:
        """Remember what is stored; not yet if somebody may still roll it back."""
        if not is_enclosed(rows.database()):
            self._session_cache, self._record = data, record

    def _next(self, data: Data, base: Record | None = None) -> Record:
        """Give the record that follows; data that is the same makes no version."""
        text = self._text_of(data)
        version = (base.version if base else 0) + (not base or text != base.text)
        expires = self.get_expiry_date(expiry=data.get("_session_expiry"))
        return Record(version, expires.timestamp(), time.time(), text)

    def _text_of(self, value: Any) -> str:
        text: bytes = self.serializer().dumps(value)
        return text.decode("latin-1")

    def _data_of(self, text: str) -> Data:
        data: Data = self.serializer().loads(text.encode("latin-1"))
        return data

    # Ending

    def delete(self, session_key: str | None = None) -> None:
        if key := session_key or self.session_key:
            # Deleting again does no harm: no new session gets this id.
            retried(lambda failure: rows.delete([digest_of(key)]), rows.database())

    def flush(self) -> None:
        super().flush()
        self._record = None

    async def aflush(self) -> None:
        await sync_to_async(self.flush)()

    def cycle_key(self) -> None:
        """Move the data to a new id; the old one ends in the same transaction."""
        mine = self._session
        if self.session_key is None:
            self.create()
            return
        old, new_key = self._digest, make_id()
        new = digest_of(new_key)

        def move(failure: Exception | None) -> tuple[Data, Record]:
            with transaction.atomic(using=rows.database()):
                is_doubtful = failure is not None and may_have_happened(failure)
                if is_doubtful and (moved := rows.find_locked(new)):
                    return self._data_of(moved.text), moved
                current = rows.find_locked(old)
                if current is None and USER_KEY in mine:
                    raise SessionInterrupted("The session was ended meanwhile.")
                data = self._merge(mine, current) if current else mine
                record = self._next(data)
                rows.insert(new, record, **self._columns(data))
                rows.delete([old])
                return data, record

        data, record = retried(move, rows.database())
        self._session_key = new_key
        self._session_cache, self._record = data, record
        self.modified = True

    async def acycle_key(self) -> None:
        await sync_to_async(self.cycle_key)()

    @classmethod
    def clear_expired(cls) -> None:
        delete_expired()

    # Settings

    def _validate_session_key(self, key: object) -> bool:
        return is_possible(key)

    def get_session_cookie_age(self) -> int:
        return options().lifetime_s

    def get_expire_at_browser_close(self) -> bool:
        return self._ends_with_browser(self.get("_session_expiry"))

    async def aget_expire_at_browser_close(self) -> bool:
        return self._ends_with_browser(await self.aget("_session_expiry"))

    def _ends_with_browser(self, expiry: object) -> bool:
        return not options().is_permanent if expiry is None else expiry == 0

    # Telling

    def __setitem__(self, key: str, value: Any) -> None:
        super().__setitem__(key, value)
        if session_set.receivers:
            self._tell(key, value)

    async def aset(self, key: str, value: Any) -> None:
        await super().aset(key, value)
        if session_set.receivers:
            await self._atell(key, value)

    def update(self, dict_: Any) -> None:  # type: ignore[override]
        values = dict(dict_)
        super().update(values)
        if session_set.receivers:
            for key, value in values.items():
                self._tell(key, value)

    async def aupdate(self, dict_: Any) -> None:
        values = dict(dict_)
        await super().aupdate(values)
        if session_set.receivers:
            for key, value in values.items():
                await self._atell(key, value)

    def _tell(self, key: str, value: Any) -> None:
        session_set.send_robust(type(self), session=self, key=key, value=value)

    async def _atell(self, key: str, value: Any) -> None:
        await session_set.asend_robust(type(self), session=self, key=key, value=value)


def _has_happened(sent: Record, current: Record) -> bool:
    """Tell from the locked row whether a write whose answer was lost took place."""
    if current.version < sent.version:
        return False
    if (current.version, current.text) == (sent.version, sent.text):
        return True
    raise SessionUnavailable("The session may have been stored, or not: try again.")

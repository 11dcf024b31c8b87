"""From a write to the stamp store: what changed is noted, COMMIT makes it true.

Statements and ``invalidate()`` only add to a set on the connection. The commit
hooks hand that set to the stamp store directly before and directly after COMMIT,
so that a rollback costs nothing and no other callback can come in between. There
is one path for all: a write or ``invalidate()`` outside of a transaction gets a
transaction of its own; unless it asks to do without (``lone_statement``).
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from django.db import DEFAULT_DB_ALIAS, connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from core.caching import statements
from core.caching.stores import StampChange, current_store
from core.caching.tags import EVERYTHING, stamps_changed_by
from core.caching.tracking import changed_stamps, tables
from core.db.hooks import CommitSubscriber
from core.signals import cache_invalidated

Execute = Callable[[str, Any, bool, dict[str, Any]], Any]


def invalidate(*tags: str) -> None:
    """Void every value with one of these tags, when the transaction commits.

    ``app_label.model:key`` voids the values that show that row, lists included;
    ``app_label.model`` all that show any row of the model.
    """
    _note(stamps_changed_by(tags))


def invalidate_all() -> None:
    _note({EVERYTHING})


def in_transaction(connection: BaseDatabaseWrapper) -> bool:
    is_manual = connection.connection is not None and not connection.autocommit
    return connection.in_atomic_block or is_manual


def _note(stamps: set[str]) -> None:
    connection = connections[DEFAULT_DB_ALIAS]
    if in_transaction(connection):
        _noted(connection).stamps |= stamps
    elif stamps:
        with transaction.atomic(using=connection.alias):
            _noted(connection).stamps |= stamps


def watch_statements(
    execute: Execute, sql: str, params: Any, many: bool, context: dict[str, Any]
) -> Any:
    """Note the changes of a statement; an execute wrapper of the connection."""
    changes = statements.changes(sql, None if many else params, tables())
    connection = context["connection"]
    if not changes or in_transaction(connection):
        return _execute(execute, sql, params, many, context, changes)
    if "_is_lone" in connection.__dict__:
        stamps = _stamps_of(changes)
        if change := current_store().begin_statement(stamps):
            return _execute_marked(execute, sql, params, many, context, change, stamps)
    with transaction.atomic(using=connection.alias):
        return _execute(execute, sql, params, many, context, changes)


@contextmanager
def lone_statement() -> Iterator[None]:
    """Let the one statement of this block commit by itself, if Redis has its marks.

    For what runs in many requests: it saves the three trips that a transaction is.
    The marks are set before the statement instead of before COMMIT, so they cover
    its waiting for locks as well; it must name the rows it changes by their keys.
    """
    connection = connections[DEFAULT_DB_ALIAS]
    connection.__dict__["_is_lone"] = True
    try:
        yield
    finally:
        connection.__dict__.pop("_is_lone", None)


def _stamps_of(changes: list[statements.Change]) -> set[str]:
    """Name the stamps before the statement: keys that it makes are unknown yet."""
    stamps: set[str] = set()
    for change in changes:
        stamps |= changed_stamps(change, lambda column: None)
    return stamps


def _execute_marked(
    execute: Execute,
    sql: str,
    params: Any,
    many: bool,
    context: dict[str, Any],
    change: StampChange,
    stamps: set[str],
) -> Any:
    try:
        result = execute(sql, params, many, context)
    except BaseException:
        if context["connection"].is_commit_outcome_unknown():
            change.in_doubt()
        else:
            change.rolled_back()
        raise
    _tell_committed(change, stamps)
    return result


def _execute(
    execute: Execute,
    sql: str,
    params: Any,
    many: bool,
    context: dict[str, Any],
    changes: list[statements.Change],
) -> Any:
    connection = context["connection"]
    try:
        result = execute(sql, params, many, context)
    except BaseException:
        # Of many statements, some may have been done before the one that failed.
        _note_changes(connection, changes, lambda column: None)
        raise
    _note_changes(connection, changes, partial(_key_of_new_row, context["cursor"]))
    return result


def _note_changes(
    connection: BaseDatabaseWrapper,
    changes: list[statements.Change],
    new_key: Callable[[str], Any],
) -> None:
    for change in changes:
        _noted(connection).stamps |= changed_stamps(change, new_key)


def _key_of_new_row(cursor: Any, column: str) -> Any:
    """Read the key that the database has just generated for one row."""
    if not cursor.description or not hasattr(cursor, "scroll"):
        return cursor.lastrowid
    # MariaDB's INSERT … RETURNING: PyMySQL holds the row, which is put back.
    row = cursor.fetchone()
    cursor.scroll(0, mode="absolute")
    names = [item[0].lower() for item in cursor.description]
    return row[names.index(column)] if row and column in names else None


@dataclass
class Noted:
    """What a connection's transaction has changed so far."""

    stamps: set[str] = field(default_factory=set)
    change: StampChange | None = None


def _noted(connection: BaseDatabaseWrapper) -> Noted:
    noted: Noted = connection.__dict__.setdefault("_noted_stamps", Noted())
    return noted


def _tell_committed(change: StampChange, stamps: set[str]) -> None:
    change.committed()
    cache_invalidated.send_robust(sender=None, stamps=stamps)


class Announcer(CommitSubscriber):
    """Tells the stamp store of a transaction's changes, before and after COMMIT."""

    def before_commit(self, connection: BaseDatabaseWrapper) -> None:
        noted = _noted(connection)
        if noted.stamps and connection.alias == DEFAULT_DB_ALIAS:
            noted.change = current_store().begin_change(connection, noted.stamps)

    def after_commit(self, connection: BaseDatabaseWrapper) -> None:
        noted = self._take(connection)
        if noted.change:
            _tell_committed(noted.change, noted.stamps)

    def rolled_back(self, connection: BaseDatabaseWrapper) -> None:
        if change := self._take(connection).change:
            change.rolled_back()

    def outcome_unknown(self, connection: BaseDatabaseWrapper) -> None:
        if change := self._take(connection).change:
            change.in_doubt()

    def _take(self, connection: BaseDatabaseWrapper) -> Noted:
        noted: Noted = connection.__dict__.pop("_noted_stamps", Noted())
        return noted

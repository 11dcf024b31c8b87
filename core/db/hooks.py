"""What happens at COMMIT and ROLLBACK, for code that must be told in time.

Django's ``on_commit`` callbacks run after the transaction, one after another: an
earlier one that raises drops the later ones, and none runs if switching back to
autocommit fails. A subscriber here is told by the backend itself, directly before
and directly after the server has answered.
"""

import logging
from typing import TYPE_CHECKING

from django.db import DatabaseError, Error
from django.db.backends.base.base import BaseDatabaseWrapper

logger = logging.getLogger(__name__)


class CommitSubscriber:
    """Base class of subscribers; override what is of interest.

    Every method gets the database wrapper, whose ``alias`` tells the database.
    Exactly one of the last three follows each ``before_commit`` that returned.
    A transaction that ends without COMMIT (ROLLBACK, lost connection, ``close()``
    inside ``atomic()``) is told as ``rolled_back`` alone; rolling back to a
    savepoint is not told. Statements in autocommit mode are not told either:
    there is no moment between them and their commit.

    Under ``set_autocommit(False)`` a transaction begins at once and, after each end,
    with the next statement; ``set_autocommit(True)`` commits it.
    """

    def before_commit(self, connection: BaseDatabaseWrapper) -> None:
        """Act inside the transaction, as its last statements.

        Raising a ``DatabaseError`` makes Django roll the transaction back.
        """

    def after_commit(self, connection: BaseDatabaseWrapper) -> None:
        """Act on the server's acknowledgement, before any ``on_commit`` callback."""

    def rolled_back(self, connection: BaseDatabaseWrapper) -> None:
        """Forget what was noted: nothing of the transaction has happened."""

    def outcome_unknown(self, connection: BaseDatabaseWrapper) -> None:
        """Assume either: COMMIT was sent and the answer was lost."""


_subscribers: list[CommitSubscriber] = []


def subscribe(subscriber: CommitSubscriber) -> None:
    """Tell a subscriber of all transactions of this process, once each."""
    if subscriber not in _subscribers:
        _subscribers.append(subscriber)


def unsubscribe(subscriber: CommitSubscriber) -> None:
    _subscribers.remove(subscriber)


if TYPE_CHECKING:
    _Wrapper = BaseDatabaseWrapper  # what the mixin is mixed into
else:
    _Wrapper = object


class CommitHooks(_Wrapper):
    """Mixin of database wrappers that tells the subscribers."""

    # Of a transaction under set_autocommit(False), which no atomic() has begun.
    _is_manual = _is_begun = False
    _is_commit_in_doubt = False
    _has_rollback_failed = False

    def is_transaction_open(self) -> bool:
        """Tell whether the server has a transaction open for ``self.connection``."""
        raise NotImplementedError

    def is_commit_outcome_unknown(self) -> bool:
        """Tell, after a failed COMMIT, whether the server may have done it."""
        return False

    def connect(self) -> None:
        self._forget_transaction()
        super().connect()

    def set_autocommit(
        self,
        autocommit: bool,
        force_begin_transaction_with_broken_autocommit: bool = False,
    ) -> None:
        if autocommit and self._has_untold_transaction():
            # The server would commit it all the same, and nobody be told.
            self.commit()
        super().set_autocommit(
            autocommit, force_begin_transaction_with_broken_autocommit
        )
        self._is_manual = self._is_begun = not (
            autocommit or force_begin_transaction_with_broken_autocommit
        )

    def _commit(self) -> None:
        if self.connection is None:
            return
        self._tell_before_commit()
        try:
            super()._commit()  # type: ignore[misc]
        except BaseException as error:
            is_refused = isinstance(error, DatabaseError)
            if not is_refused or self.is_commit_outcome_unknown():
                self._is_begun, self._is_commit_in_doubt = False, True
                self._tell("outcome_unknown")
            if not is_refused:
                # Interrupted. Django would go on with this connection.
                self.close()
            raise
        self._is_begun = False
        self._tell("after_commit")

    def _rollback(self) -> None:
        try:
            super()._rollback()  # type: ignore[misc]
        except BaseException as error:
            # The connection is lost: Django closes it, and all has been told.
            self._has_rollback_failed = True
            if not isinstance(error, Error):
                # Interrupted. Django would go on to switch autocommit on, which
                # commits.
                self.close()
            raise
        finally:
            self._is_begun = False
            self._tell_end_without_commit()

    def close(self) -> None:
        ended_here = (
            self.connection is not None
            and not self.closed_in_transaction
            and (self.in_atomic_block or not self.autocommit)
            and not self._has_rollback_failed
        )
        try:
            super().close()
        finally:
            if ended_here:
                self._tell_end_without_commit()

    def _has_untold_transaction(self) -> bool:
        return (
            self._is_manual
            and self.connection is not None
            and (self._is_begun or self.is_transaction_open())
        )

    def _forget_transaction(self) -> None:
        """Begin anew, with a new connection."""
        self._is_manual = self._is_begun = False
        self._is_commit_in_doubt = self._has_rollback_failed = False

    def _tell_before_commit(self) -> None:
        for subscriber in tuple(_subscribers):  # which may unsubscribe
            try:
                subscriber.before_commit(self)
            except DatabaseError:
                raise
            except Exception as error:
                # Django rolls back for a DatabaseError only. Anything else would
                # reach set_autocommit(True), which commits.
                raise DatabaseError(f"{subscriber!r} failed before COMMIT") from error
            except BaseException:
                self._rollback()
                raise

    def _tell_end_without_commit(self) -> None:
        if self._is_commit_in_doubt:
            # Django rolls back after a failed COMMIT: too late to be an answer.
            self._is_commit_in_doubt = False
        else:
            self._tell("rolled_back")

    def _tell(self, event: str) -> None:
        for subscriber in tuple(_subscribers):
            try:
                getattr(subscriber, event)(self)
            except Exception:
                logger.exception("%r failed in %s", subscriber, event)

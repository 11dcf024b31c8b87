"""The table as a queue: every function is one short transaction.

Invariant: a row belongs to a worker if and only if it carries the lease that the
worker made up for its batch, and whoever changes such a row names that lease in the
WHERE clause. So a worker that was thought dead changes nothing any more: each change
is a compare-and-set on the row as it is now.

A lease ends by the clock of the database server (``not_before``), which is also the
only clock that tells what is due.
"""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from django.db import connections, transaction
from django.db.models import F, QuerySet

from core.messaging.clock import ServerNow
from core.messaging.models import Message

Status = Message.Status


@dataclass(frozen=True)
class Outcome:
    """What became of a message that a worker had taken."""

    status: Message.Status
    error: str = ""
    provider_id: str = ""
    pause_seconds: float = 0
    was_tried: bool = True

    def values(self) -> dict[str, Any]:
        """Give what is written into the row."""
        values: dict[str, Any] = {"status": self.status, "lease": None}
        values["not_before"] = (
            in_seconds(self.pause_seconds) if self.status == Status.QUEUED else None
        )
        if not self.was_tried:
            return values | {"attempts": F("attempts") - 1}
        if self.status == Status.SENT:
            values |= {"sent_at": ServerNow(), "provider_id": self.provider_id}
        return values | {"last_error": self.error}


def in_seconds(seconds: float) -> Any:
    return ServerNow() + timedelta(seconds=seconds)


def claim(using: str, limit: int, seconds: float) -> list[Message]:
    """Take up to ``limit`` due messages for ``seconds``, the longest due first.

    Queued rows and those whose worker has not renewed its lease are due alike.
    """
    lease = uuid4()
    due = Message.objects.using(using).filter(not_before__lte=ServerNow())
    first = due.order_by("not_before", "id").values_list("id", flat=True)
    if connections[using].features.has_select_for_update_skip_locked:
        first = first.select_for_update(skip_locked=True)
    with giving_back(using):
        # Without it several workers may choose the same rows, and the UPDATE decides:
        # it takes what is due, and what one has taken is not due for the others.
        with transaction.atomic(using=using):
            ids = list(first[:limit])
            if not ids:
                return []
            due.filter(id__in=ids).update(
                status=Status.SENDING,
                lease=lease,
                not_before=in_seconds(seconds),
                attempts=F("attempts") + 1,
            )
        return list(held(using, lease, ids).order_by("id"))


def held(using: str, lease: UUID | None, ids: Collection[int]) -> QuerySet[Message]:
    """Choose those of the rows that are still this lease's."""
    return Message.objects.using(using).filter(id__in=ids, lease=lease)


def extend(messages: QuerySet[Message], seconds: float) -> int:
    with giving_back(messages.db):
        return messages.update(not_before=in_seconds(seconds))


def settle(messages: QuerySet[Message], outcome: Outcome) -> int:
    with giving_back(messages.db):
        return messages.update(**outcome.values())


def seconds_until_due(using: str) -> float | None:
    """Tell when the next message is due; None if there is none."""
    waiting = Message.objects.using(using).filter(not_before__isnull=False)
    first = waiting.order_by("not_before").values_list("not_before", ServerNow())
    with giving_back(using):
        for not_before, now in first[:1]:
            seconds: float = (not_before - now).total_seconds()
            return max(0.0, seconds)
        return None


@contextmanager
def giving_back(using: str) -> Iterator[None]:
    """Hold a connection no longer than for these statements: sending takes long."""
    try:
        yield
    finally:
        connection = connections[using]
        if not connection.in_atomic_block:
            connection.close_if_unusable_or_obsolete()

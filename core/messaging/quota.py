"""How many messages a recipient gets in an hour; what exceeds it waits."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from django.db.models import Case, Count, F, Max, Min, Q, When

from core.messaging.clock import ServerNow
from core.messaging.models import Message
from core.messaging.queue import giving_back

HOUR = timedelta(hours=1)
# Only others' unfinished attempts stand in the way: ask again soon.
SOON_SECONDS = 60.0


def exceeding(
    using: str, messages: Sequence[Message], limit: int
) -> dict[float, list[int]]:
    """Choose the claimed messages that must wait: ids by the seconds to wait.

    A message goes only if those sent within the hour and all that anybody has
    claimed, itself included, are within the limit. Claims are committed before this
    is asked, so of two workers the later one sees the earlier one's claim, and the
    limit holds however many there are.
    """
    waiting: dict[float, list[int]] = {}
    usage = _usage(using, {message.to for message in messages})
    for to, (total, seconds) in usage.items():
        own = [message.pk for message in messages if message.to == to]
        excess = min(len(own), max(0, total - limit))
        if excess:
            waiting.setdefault(seconds, []).extend(own[-excess:])
    return waiting


def _usage(using: str, recipients: set[str]) -> dict[str, tuple[int, float]]:
    """Give per recipient how many count, and in how many seconds one counts no more."""
    is_recent = Q(status=Message.Status.SENT, sent_at__gt=ServerNow() - HOUR)
    rows: Any = (
        Message.objects.using(using)
        .filter(Q(status=Message.Status.SENDING) | is_recent, to__in=recipients)
        .values("to")
        .annotate(
            total=Count("id"),
            oldest=Min(Case(When(is_recent, then=F("sent_at")))),
            now=Max(ServerNow()),
        )
    )
    with giving_back(using):
        return {row["to"]: (row["total"], _seconds_left(row)) for row in rows}


def _seconds_left(row: dict[str, Any]) -> float:
    if row["oldest"] is None:
        return SOON_SECONDS
    left: timedelta = row["oldest"] + HOUR - row["now"]
    return max(1.0, left.total_seconds())

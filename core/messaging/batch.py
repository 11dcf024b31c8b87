"""What a worker holds at one time: messages, their lease and their outcomes.

A message is marked sent after it was sent, never before: a worker that is killed in
between leaves it to the next, which sends it again under the same id. Outcomes are
written together, so that this concerns what was sent within ``SETTLE_SECONDS``.
"""

import logging
import random
import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator

from core.messaging import queue, quota
from core.messaging.errors import PermanentFailure, SendingFailed, TemporaryFailure
from core.messaging.models import Message
from core.messaging.options import options
from core.messaging.queue import Outcome

SETTLE_SECONDS = 0.1
FIRST_PAUSE_SECONDS = 10
LONGEST_PAUSE_SECONDS = 2 * 3600
LONGEST_RETRY_AFTER_SECONDS = 24 * 3600
LONGEST_ERROR = 10_000

logger = logging.getLogger(__name__)
Status = Message.Status


class Batch:
    """Messages under one lease; ``tally`` counts what became of them."""

    def __init__(self, using: str, messages: list[Message], *, expires: float) -> None:
        self.tally: Counter[Status] = Counter()
        self._using = using
        self._messages = {message.pk: message for message in messages}
        self._lease = messages[0].lease
        self._expires = expires
        self._outcomes: dict[Outcome, list[int]] = {}
        self._settled_at = time.monotonic()
        # Rows that carry the lease. Settling takes some away, extending counts them,
        # in threads of their own: the lock makes the count exact.
        self._held = set(self._messages)
        self._lock = threading.Lock()

    @classmethod
    def claim(cls, using: str, limit: int) -> "Batch | None":
        # Before the server begins to count, so that the lease ends here first. All
        # that this machine's clock is asked for is a length of time.
        seconds = options().lease_seconds
        expires = time.monotonic() + seconds
        messages = queue.claim(using, limit, seconds)
        return cls(using, messages, expires=expires) if messages else None

    def __len__(self) -> int:
        return len(self._messages)

    @property
    def is_held(self) -> bool:
        """Whether the lease cannot have ended: nobody else has begun to send these."""
        return time.monotonic() < self._expires

    def sendable(self) -> Iterator[Message]:
        """Give one message after the other, as long as the lease lasts."""
        self._give_up_what_kills()
        self._defer_what_exceeds(options().hourly_limit)
        for pk in self._open():
            if not self.is_held:
                return
            yield self._messages[pk]

    def sent(self, message: Message, provider_id: str) -> None:
        self._note(Outcome(Status.SENT, provider_id=provider_id), [message.pk])

    def failed(self, message: Message, failure: SendingFailed) -> None:
        words = (failure.details or failure.reason)[:LONGEST_ERROR]
        # Without what no column takes, such as halves of surrogate pairs.
        error = words.encode(errors="replace").decode()
        is_last = message.attempts >= options().max_attempts
        if is_last or isinstance(failure, PermanentFailure):
            outcome = Outcome(Status.DEAD, error)
            logger.error("message %s: given up: %s", message.uuid, failure.reason)
        else:
            pause = pause_seconds(message.attempts, failure)
            outcome = Outcome(Status.QUEUED, error, pause_seconds=pause)
            logger.warning(
                "message %s: attempt %d failed, next in %.0f s: %s",
                message.uuid,
                message.attempts,
                pause,
                failure.reason,
            )
        self._note(outcome, [message.pk])

    def settle(self) -> None:
        """Write the outcomes; what cannot be written is kept for the next call.

        To write one twice is harmless: the first time has taken the lease away.
        """
        with self._lock:
            while self._outcomes:
                outcome, ids = next(iter(self._outcomes.items()))
                rows = queue.held(self._using, self._lease, ids)
                written = queue.settle(rows, outcome)
                del self._outcomes[outcome]
                self._held -= set(ids)
                self.tally[outcome.status] += len(ids)
                if outcome.was_tried and written < len(ids):
                    logger.warning(
                        "%d messages were no longer this worker's when it had sent "
                        "them: their recipients may get them twice",
                        len(ids) - written,
                    )
        self._settled_at = time.monotonic()

    def put_back(self) -> None:
        """Return what has not been tried; it costs no attempt."""
        if untried := self._open():
            self._note(Outcome(Status.QUEUED, was_tried=False), untried)
        self.settle()

    def extend(self) -> None:
        """Renew the lease, or lose it for good if others have taken from it."""
        with self._lock:
            if not self.is_held or not self._held:
                return
            seconds = options().lease_seconds
            expires = time.monotonic() + seconds
            rows = queue.held(self._using, self._lease, self._held)
            is_whole = queue.extend(rows, seconds) == len(self._held)
            self._expires = expires if is_whole else 0.0

    def _give_up_what_kills(self) -> None:
        for message in self._messages.values():
            if message.attempts > options().max_attempts:
                error = message.last_error or "Every worker that took it has died."
                logger.error("message %s: given up: its workers died", message.uuid)
                self._note(Outcome(Status.DEAD, error), [message.pk])

    def _defer_what_exceeds(self, limit: int) -> None:
        if not limit:
            return
        messages = [self._messages[pk] for pk in self._open()]
        for seconds, ids in quota.exceeding(self._using, messages, limit).items():
            wait = Outcome(Status.QUEUED, pause_seconds=seconds, was_tried=False)
            self._note(wait, ids)

    def _open(self) -> list[int]:
        """Give the messages that have no outcome yet."""
        noted = {pk for ids in self._outcomes.values() for pk in ids}
        return sorted(self._held - noted)

    def _note(self, outcome: Outcome, ids: Iterable[int]) -> None:
        self._outcomes.setdefault(outcome, []).extend(ids)
        if time.monotonic() - self._settled_at >= SETTLE_SECONDS:
            self.settle()


def pause_seconds(attempts: int, failure: SendingFailed) -> float:
    """Back off exponentially with full jitter, or as long as the provider asks for.

    Full jitter spreads what failed together over the whole pause.
    """
    longest = min(LONGEST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2 ** (attempts - 1))
    pause = random.SystemRandom().uniform(0, longest)
    asked = failure.retry_after if isinstance(failure, TemporaryFailure) else 0.0
    return max(pause, min(asked, LONGEST_RETRY_AFTER_SECONDS))

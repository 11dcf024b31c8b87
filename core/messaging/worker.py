"""Delivers what is due, batch after batch, in a process or a thread of its own."""

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from django.db import InterfaceError, OperationalError

from core.messaging.batch import Batch
from core.messaging.delivery import OUTLETS, Outlet
from core.messaging.errors import SendingFailed
from core.messaging.models import Message
from core.messaging.options import options

FIRST_BATCH = 10
LARGEST_BATCH = 200
# A batch is about as much as goes out in this time: enough to save statements, and
# little enough that a slow provider leaves work for the other workers.
BATCH_SECONDS = 1.0
SECONDS_BETWEEN_TRIES = 1.0

# What a database raises that is down, restarts, or chose this as a deadlock's victim.
OUTAGES = (OperationalError, InterfaceError)

logger = logging.getLogger(__name__)
Tally = Counter[Message.Status]


class Worker:
    """Claims, sends and settles; ``tally`` counts what became of all messages."""

    def __init__(
        self, using: str, *, on_progress: Callable[[Tally], None] | None = None
    ) -> None:
        self.using = using
        self.tally: Tally = Counter()
        self._on_progress = on_progress
        self._batch: Batch | None = None
        self._batch_size = FIRST_BATCH
        self._is_stopping = False
        self._outage = ""

    def stop(self) -> None:
        """Finish the message that is being sent, put the others back and end.

        It only sets a flag, so that a signal handler may call it.
        """
        self._is_stopping = True

    def run(self, rest: Callable[[], None]) -> None:
        """Deliver until ``stop()``, calling ``rest`` whenever nothing is due.

        A database that fails is waited for. Nothing is sent meanwhile, and what had
        been sent is marked as soon as it answers.
        """
        with self._heartbeat():
            while not self._is_stopping:
                self._step(rest)
        try:
            self._finish_batch()
        except OUTAGES as error:
            logger.error("messages stay unmarked without the database: %s", error)

    def drain(self) -> Tally:
        """Deliver what is due now; give what became of it."""
        with self._heartbeat():
            while not self._is_stopping and self.deliver_batch():
                pass
        return self.tally

    def deliver_batch(self) -> bool:
        """Deliver a batch; tell whether there was one."""
        self._finish_batch()
        started = time.monotonic()
        self._batch = Batch.claim(self.using, self._batch_size)
        if self._batch is None:
            return False
        size = len(self._batch)
        self._send(self._batch)
        self._finish_batch()
        per_second = size / (time.monotonic() - started)
        self._batch_size = min(LARGEST_BATCH, max(1, round(per_second * BATCH_SECONDS)))
        return True

    def _finish_batch(self) -> None:
        """Settle the batch; one that an outage has interrupted is still there."""
        if self._batch is None:
            return
        self._batch.put_back()
        self.tally += self._batch.tally
        if self._on_progress:
            self._on_progress(self._batch.tally)
        self._batch = None

    def _send(self, batch: Batch) -> None:
        outlets: dict[str, Outlet] = {}
        try:
            for message in batch.sendable():
                if self._is_stopping:
                    return
                if message.channel not in outlets:
                    outlets[message.channel] = OUTLETS[message.channel]()
                try:
                    provider_id = outlets[message.channel].send(message)
                except SendingFailed as failure:
                    batch.failed(message, failure)
                else:
                    batch.sent(message, provider_id)
        finally:
            for outlet in outlets.values():
                outlet.close()

    def _step(self, rest: Callable[[], None]) -> None:
        try:
            if not self.deliver_batch():
                rest()
            self._note_outage(None)
        except OUTAGES as error:
            self._note_outage(error)
            time.sleep(SECONDS_BETWEEN_TRIES)

    def _note_outage(self, error: Exception | None) -> None:
        """Log the begin and the end of an outage, and nothing in between."""
        if error and not self._outage:
            logger.error("messages wait for the database: %s", error)
        elif self._outage and not error:
            logger.info("messages go on: the database answers again")
        self._outage = type(error).__name__ if error else ""

    @contextmanager
    def _heartbeat(self) -> Iterator[None]:
        """Renew the lease of the batch in hand, however long a message takes."""
        has_ended = threading.Event()
        thread = threading.Thread(
            target=self._beat, args=[has_ended], name="messages-heartbeat", daemon=True
        )
        thread.start()
        try:
            yield
        finally:
            has_ended.set()
            thread.join()

    def _beat(self, has_ended: threading.Event) -> None:
        while not has_ended.wait(options().lease_seconds / 3):
            batch = self._batch
            if batch is None:
                continue
            try:
                batch.extend()
            except OUTAGES:
                # The lease goes on to its end, and the worker sees the outage itself.
                logger.debug("heartbeat without the database", exc_info=True)

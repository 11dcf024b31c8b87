"""Delivery by a thread of the process that enqueues: ``MESSAGES_DELIVERY=in_process``.

The thread is a worker like any other: several processes share the work by leases.
What a process leaves behind, however it ends, the next one delivers that starts.
"""

import atexit
import os
import threading

from django.core.signals import request_started
from django.db import DEFAULT_DB_ALIAS, transaction

from core.messaging.options import options
from core.messaging.queue import seconds_until_due
from core.messaging.worker import Worker

# How soon a message is seen that another process has left behind.
LONGEST_REST_SECONDS = 30.0
SHORTEST_REST_SECONDS = 0.1
# A command that ends may finish what it has enqueued; the rest is not lost.
LAST_SECONDS = 5.0


class Courier:
    """Starts its thread when there is something to do, and wakes it."""

    def __init__(self, using: str) -> None:
        self._using = using
        self._is_woken = threading.Event()
        self._is_leaving = False
        self._thread: threading.Thread | None = None
        # Two transactions that commit at once start one thread.
        self._lock = threading.Lock()

    def wake(self) -> None:
        self._is_woken.set()
        with self._lock:
            if self._thread is None or not self._thread.is_alive():
                self._start()

    def _start(self) -> None:
        if self._thread is None:
            atexit.register(self._leave)
        self._worker = Worker(self._using)
        self._thread = threading.Thread(
            target=self._worker.run, args=[self._rest], name="messages", daemon=True
        )
        self._thread.start()

    def _rest(self) -> None:
        seconds = seconds_until_due(self._using)
        if self._is_leaving:
            self._worker.stop()
            return
        seconds = LONGEST_REST_SECONDS if seconds is None else seconds
        self._is_woken.wait(
            min(max(seconds, SHORTEST_REST_SECONDS), LONGEST_REST_SECONDS)
        )
        # Before the next look at the table, so that no waking is missed.
        self._is_woken.clear()

    def _leave(self) -> None:
        """Let the thread finish what is due, but not for ever."""
        self._is_leaving = True
        self._is_woken.set()
        if self._thread:
            self._thread.join(LAST_SECONDS)
            self._worker.stop()
            self._thread.join(LAST_SECONDS)


LEFTOVERS = "core.messaging.deliver_leftovers"

_couriers: dict[str, Courier] = {}


def deliver_after_commit(using: str) -> None:
    if options().delivery == "in_process":
        transaction.on_commit(courier(using).wake, using=using, robust=True)


def deliver_leftovers(**kwargs: object) -> None:
    """Look once for what earlier processes have left; with the first request."""
    request_started.disconnect(deliver_leftovers, dispatch_uid=LEFTOVERS)
    if options().delivery == "in_process":
        courier(DEFAULT_DB_ALIAS).wake()


def courier(using: str) -> Courier:
    # setdefault is atomic: two threads get the same one.
    return _couriers.get(using) or _couriers.setdefault(using, Courier(using))


# A thread does not survive a fork: a child starts its own.
os.register_at_fork(after_in_child=_couriers.clear)

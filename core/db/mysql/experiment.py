"""Many threads that each ask the server for a moment, and what it costs."""

import re
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import monotonic
from typing import Any

from django.db import Error

from core.db.mysql.base import DatabaseWrapper

SAMPLE_SECONDS = 0.02
# The numbers of the moment in the pool's messages, which differ each time.
MOMENTARY = re.compile(r" \(\d+ of .*?waiting\)")


@dataclass
class Outcome:
    seconds: float = 0
    peak_threads_connected: int = 0
    """The server's, of all its clients, the one that samples included."""
    errors: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True, kw_only=True)
class Experiment:
    """``threads`` that make ``requests`` each, of ``sleep_seconds`` on the server.

    ``progress`` is called after each request, by several threads at once.
    """

    alias: str
    settings: Mapping[str, Any]
    threads: int
    requests: int
    sleep_seconds: float
    progress: Callable[[], object]

    def run(self, *, is_pooled: bool) -> Outcome:
        """With a connection of the pool, or a new one, for each request."""
        outcome = Outcome()
        settings = self._settings(is_pooled=is_pooled)
        start = threading.Barrier(self.threads + 1)
        threads = [
            threading.Thread(
                target=self._work,
                args=[settings, start, outcome.errors],
                # Not waited for when the experiment is interrupted.
                daemon=True,
            )
            for _ in range(self.threads)
        ]
        with self._sampling(outcome):
            for thread in threads:
                thread.start()
            start.wait()
            began = monotonic()
            for thread in threads:
                thread.join()
            outcome.seconds = monotonic() - began
        DatabaseWrapper(settings, self.alias).close_pool()
        return outcome

    def _work(
        self,
        settings: dict[str, Any],
        start: threading.Barrier,
        errors: Counter[str],
    ) -> None:
        wrapper = DatabaseWrapper(settings, self.alias)
        start.wait()
        for _ in range(self.requests):
            try:
                with wrapper.cursor() as cursor:
                    cursor.execute("SELECT SLEEP(%s)", [self.sleep_seconds])
            except Error as error:
                with _lock:  # += is not atomic
                    errors[MOMENTARY.sub("", str(error))] += 1
            finally:
                wrapper.close()
            self.progress()

    def _settings(self, *, is_pooled: bool) -> dict[str, Any]:
        options = dict(self.settings["OPTIONS"])
        if options.get("read_timeout"):
            options["read_timeout"] += self.sleep_seconds
        if not is_pooled:
            options["pool"] = False
        return {**self.settings, "OPTIONS": options}

    @contextmanager
    def _sampling(self, outcome: Outcome) -> Iterator[None]:
        is_over = threading.Event()
        wrapper = DatabaseWrapper(self._settings(is_pooled=False), self.alias)
        # Here, not in the thread, so that the first sample precedes the threads and
        # an error is the caller's.
        wrapper.ensure_connection()
        wrapper.inc_thread_sharing()
        thread = threading.Thread(target=_sample, args=[wrapper, is_over, outcome])
        thread.start()
        try:
            yield
        finally:
            is_over.set()
            thread.join()
            wrapper.close()


_lock = threading.Lock()


def _sample(
    wrapper: DatabaseWrapper, is_over: threading.Event, outcome: Outcome
) -> None:
    with wrapper.cursor() as cursor:
        while not is_over.wait(SAMPLE_SECONDS):
            cursor.execute("SHOW GLOBAL STATUS LIKE 'Threads_connected'")
            connected = int(cursor.fetchone()[1])
            outcome.peak_threads_connected = max(
                outcome.peak_threads_connected, connected
            )

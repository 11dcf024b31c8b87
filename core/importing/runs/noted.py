"""Progress that other processes can see."""

import time

from django.db import connections

from core.importing.loading.connections import is_in_transaction
from core.importing.models import ImportRun
from core.importing.progress import Progress

SECONDS_BETWEEN_NOTES = 1.0


class NotedProgress(Progress):
    """Notes in the ledger how many rows were read, and tells another progress all."""

    def __init__(self, run: ImportRun, using: str, other: Progress) -> None:
        self._run = run
        self._using = using
        self._other = other
        self._noted_at = time.monotonic()

    def read(self, rows: int, share: float) -> None:
        self._other.read(rows, share)
        now = time.monotonic()
        if now - self._noted_at >= SECONDS_BETWEEN_NOTES:
            self._noted_at = now
            self._note(rows)

    def step(self, label: str) -> None:
        self._other.step(label)

    def problem(self, sentence: str) -> None:
        self._other.problem(sentence)

    def close(self) -> None:
        self._other.close()

    def _note(self, rows: int) -> None:
        # Within a transaction nobody would see it, and it would lock the row.
        if not is_in_transaction(connections[self._using]):
            stored = ImportRun.objects.using(self._using).filter(pk=self._run.pk)
            stored.update(rows_read=rows)

"""Progress of an import on a terminal, or in a log."""

import time
from typing import TextIO

from django.utils.translation import gettext as _

from core.importing.progress import Progress

SECONDS_BETWEEN_LINES = 0.2
SHARE_BETWEEN_LOG_LINES = 0.1
# What is over sooner needs no progress in a log.
SECONDS_UNTIL_LOG = 1.0
# A problem is shown at once unless all of them will be in a moment.
SECONDS_UNTIL_FIRST_PROBLEM = 0.5
CLEAR_LINE = "\r\x1b[K"


class ConsoleProgress(Progress):
    """Rewrites one line on a terminal; elsewhere writes a line for each 10 %."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._is_terminal = stream.isatty()
        self._start = time.monotonic()
        self._shown_at = self._start
        self._shown_share = 0.0
        self._problem = ""

    def read(self, rows: int, share: float) -> None:
        self._show_problem()
        now = time.monotonic()
        if self._is_terminal:
            if now - self._shown_at >= SECONDS_BETWEEN_LINES or share >= 1:
                self._shown_at = now
                self._rewrite(self._line(rows, share, now))
        elif share - self._shown_share >= SHARE_BETWEEN_LOG_LINES and self._is_long(
            now
        ):
            self._shown_share = share
            self._stream.write(self._line(rows, share, now) + "\n")

    def step(self, label: str) -> None:
        if self._is_terminal:
            self._rewrite(label)

    def problem(self, sentence: str) -> None:
        self._problem = sentence

    def close(self) -> None:
        if self._is_terminal:
            self._rewrite("")

    def _line(self, rows: int, share: float, now: float) -> str:
        elapsed = max(now - self._start, 0.001)
        left = elapsed / share - elapsed if share else 0
        return _(
            "reading: %(share)s %%, %(rows)s rows, %(rate)s rows/s, %(left)s left"
        ) % {
            "share": f"{share * 100:.0f}",
            "rows": f"{rows:,}",
            "rate": f"{rows / elapsed:,.0f}",
            "left": f"{left // 60:.0f}:{left % 60:02.0f}",
        }

    def _is_long(self, now: float) -> bool:
        return now - self._start >= SECONDS_UNTIL_LOG

    def _show_problem(self) -> None:
        waited = time.monotonic() - self._start
        if self._problem and waited >= SECONDS_UNTIL_FIRST_PROBLEM:
            clear = CLEAR_LINE if self._is_terminal else ""
            self._stream.write(f"{clear}{self._problem}\n")
            self._problem = ""

    def _rewrite(self, line: str) -> None:
        self._stream.write(CLEAR_LINE + line)
        self._stream.flush()

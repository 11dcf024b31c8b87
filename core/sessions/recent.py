"""Sessions that this process has changed just now: no copy of them is worth making.

Whoever changes a session at each request would have every copy voided before it is
read again, and pay for making it. Their rows are read instead, which are the truth.
"""

import threading
import time

RECENT_SECONDS = 1.0

# In the order of their changes, the oldest first; the lock keeps it so.
_changes: dict[str, float] = {}
_lock = threading.Lock()


def note_change(digest: str) -> None:
    now = time.monotonic()
    with _lock:
        _changes.pop(digest, None)
        _changes[digest] = now
        while _changes[oldest := next(iter(_changes))] < now - RECENT_SECONDS:
            del _changes[oldest]


def was_changed(digest: str) -> bool:
    changed_at = _changes.get(digest)
    return changed_at is not None and time.monotonic() - changed_at < RECENT_SECONDS

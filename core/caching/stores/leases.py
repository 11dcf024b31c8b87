"""Which thread of this process sees to which value, while its others wait.

One asks the store and rebuilds; the end is told to the others at once, so that they
need not ask. Between processes the store decides.
"""

import threading
import time
from typing import TYPE_CHECKING

from core.caching.options import options

if TYPE_CHECKING:
    from core.caching.stores.base import Bypass


class Lease:
    """One thread's right to see to a value."""

    def __init__(self, leases: "Leases", key: str) -> None:
        self._leases = leases
        self._key = key
        self.expires_at = time.monotonic() + options().lease
        self.ended = threading.Event()
        self.bypass: Bypass | None = None
        """What those who have waited are told, unless they shall look again."""

    def end(self, bypass: "Bypass | None" = None) -> None:
        self.bypass = bypass
        self._leases.forget(self._key, self)
        self.ended.set()


class Leases:
    def __init__(self) -> None:
        # Guards the map; nobody waits while holding it.
        self._lock = threading.Lock()
        self._held: dict[str, Lease] = {}

    def claim(self, key: str) -> tuple[Lease, bool]:
        """Give the lease of this value, and whether it is the caller's."""
        with self._lock:
            held = self._held.get(key)
            if held and time.monotonic() < held.expires_at:
                return held, False
            mine = self._held[key] = Lease(self, key)
            return mine, True

    def forget(self, key: str, lease: Lease) -> None:
        with self._lock:
            if self._held.get(key) is lease:
                del self._held[key]

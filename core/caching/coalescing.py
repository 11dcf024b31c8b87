"""Share one read of the source among threads that ask at the same time.

For moments when the cache cannot help (Redis down, data being changed). A thread
joins only a read that has *not begun*: the result of one under way may be older
than a commit that the thread already knows of. So at most two run per key: one for
those who came first, and then one for all who came meanwhile.
"""

import threading
from collections.abc import Callable
from concurrent.futures import CancelledError, Future, wait


class Coalescer:
    def __init__(self) -> None:
        # Guards both maps; nobody waits while holding it.
        self._lock = threading.Lock()
        self._waiting: dict[str, Future[bytes]] = {}
        self._running: dict[str, Future[bytes]] = {}

    def read(self, key: str, source: Callable[[], bytes]) -> bytes:
        mine: Future[bytes] = Future()
        with self._lock:
            shared = self._waiting.setdefault(key, mine)
        if shared is mine:
            return self._lead(key, mine, source)
        try:
            return shared.result()
        except CancelledError:  # Its thread was stopped: no answer for this one.
            return self.read(key, source)

    def _lead(
        self, key: str, mine: Future[bytes], source: Callable[[], bytes]
    ) -> bytes:
        try:
            self._begin(key, mine)
            payload = source()
            mine.set_result(payload)
        except Exception as error:
            mine.set_exception(error)
            raise
        finally:
            mine.cancel()  # No effect if it has ended.
            with self._lock:
                for reads in (self._waiting, self._running):
                    if reads.get(key) is mine:
                        del reads[key]
        return payload

    def _begin(self, key: str, mine: Future[bytes]) -> None:
        """Wait for the read before; from here on nobody joins this one."""
        while True:
            with self._lock:
                running = self._running.setdefault(key, mine)
                if running is mine:
                    del self._waiting[key]
                    return
            wait([running])

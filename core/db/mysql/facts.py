import threading
from collections.abc import Callable
from typing import Any


class ServerFacts:
    """What Django asks a server before it uses it: once, and for all threads."""

    def __init__(self) -> None:
        self.is_version_checked = False
        self._found: dict[str, Any] | None = None
        self._asking = threading.Lock()

    def give(
        self, ask: Callable[[], dict[str, Any]], patience: float
    ) -> dict[str, Any]:
        """Give the facts; ask if nobody has.

        ``patience``: how many seconds to wait for another thread that is asking. It
        may not get an answer, so everybody then asks for itself.
        """
        if self._found is None:
            has_turn = self._asking.acquire(timeout=patience)
            try:
                if self._found is None:
                    self._found = ask()
            finally:
                if has_turn:
                    self._asking.release()
        return self._found

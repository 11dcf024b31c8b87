from core.db.mysql.errors import SERVER_DOWN, code_of

RETRY_SECONDS = (1, 2, 5)


class Outage:
    """Whether the server is down, and until when it need not be asked again.

    Changed with the lock of its pool held.
    """

    def __init__(self) -> None:
        self.attempts = 0
        self.until = 0.0
        self.last_failure: Exception | None = None

    def note_failure(self, error: Exception, now: float) -> bool:
        """Remember why; tell whether an outage begins with it."""
        self.last_failure = error
        if code_of(error) not in SERVER_DOWN:
            return False
        pause = RETRY_SECONDS[min(self.attempts, len(RETRY_SECONDS) - 1)]
        self.attempts += 1
        self.until = now + pause
        return self.attempts == 1

    def note_success(self) -> bool:
        """Tell whether an outage ends with it."""
        was_down = self.attempts > 0
        self.attempts, self.until = 0, 0.0
        self.last_failure = None
        return was_down

    def forbids_to_connect(self, now: float, *, is_asked: bool) -> bool:
        """``is_asked``: another thread is finding out whether the server is back."""
        return now < self.until or (self.attempts > 0 and is_asked)

"""What callers and backends raise.

``InvalidMessage`` comes from ``send_sms()`` and ``send_email()`` before anything is
written. The others are for backends: whether it is worth trying again.
"""


class InvalidMessage(ValueError):
    """A message cannot be sent as asked for; nothing has been written."""


class SendingFailed(Exception):
    """The provider did not accept a message.

    ``reason`` is short and without personal data, for the log; ``details`` may have
    the provider's own words and stays in the database.
    """

    def __init__(self, reason: str, *, details: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.details = details


class PermanentFailure(SendingFailed):
    """It will never be accepted: it is not tried again."""


class TemporaryFailure(SendingFailed):
    """It may be accepted later, not before ``retry_after`` seconds."""

    def __init__(
        self, reason: str, *, details: str = "", retry_after: float = 0
    ) -> None:
        super().__init__(reason, details=details)
        self.retry_after = retry_after

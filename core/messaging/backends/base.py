from collections.abc import Sequence

from core.messaging.sms import SMS


class BaseSMSBackend:
    """An outlet for SMS, in the form of Django's e-mail backends.

    ``send_messages`` returns once the provider has accepted every message, and else
    raises ``PermanentFailure`` or ``TemporaryFailure`` for the first it did not.
    Any ``OSError`` counts as temporary. Messages come one by one, between ``open``
    and ``close``, and with the same ``id`` again when an outcome is unknown.
    """

    def open(self) -> None:
        """Connect; an ``OSError`` puts the whole batch off."""

    def close(self) -> None:
        """Disconnect; called after a failed ``open``, too."""

    def send_messages(self, messages: Sequence[SMS]) -> int:
        """Send, and give how many were sent: all of them."""
        raise NotImplementedError

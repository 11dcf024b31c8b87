import sys
from collections.abc import Sequence

from core.messaging.backends.base import BaseSMSBackend
from core.messaging.sms import SMS


class SMSBackend(BaseSMSBackend):
    """Writes messages to standard output."""

    def send_messages(self, messages: Sequence[SMS]) -> int:
        for message in messages:
            # One write: threads and processes may share the terminal.
            sys.stdout.write(as_text(message))
            sys.stdout.flush()
        return len(messages)


def as_text(message: SMS) -> str:
    return f"SMS to {message.to} ({message.id})\n{message.body}\n{'-' * 79}\n"

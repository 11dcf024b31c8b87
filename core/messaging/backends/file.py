import os
from collections.abc import Sequence
from pathlib import Path

from django.conf import settings

from core.messaging.backends.base import BaseSMSBackend
from core.messaging.backends.console import as_text
from core.messaging.sms import SMS


class SMSBackend(BaseSMSBackend):
    """Appends messages to the file ``SMS_FILE_PATH``, which only its owner reads."""

    def __init__(self) -> None:
        self._path = Path(settings.SMS_FILE_PATH)
        self._file: int | None = None

    def open(self) -> None:
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT
        self._file = os.open(self._path, flags, mode=0o600)

    def close(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def send_messages(self, messages: Sequence[SMS]) -> int:
        assert self._file is not None, "not open"  # noqa: S101
        for message in messages:
            # One write at the end of the file: workers do not mix their lines.
            os.write(self._file, as_text(message).encode())
        return len(messages)

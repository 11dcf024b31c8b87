"""A provider of SMS outside of the processes under test, made of a folder."""

import time
from collections import Counter

from django.conf import settings

from core.messaging.backends.base import BaseSMSBackend
from core.messaging.errors import PermanentFailure, TemporaryFailure


class Provider:
    """Notes what reaches it; a test may hold it up or let it refuse."""

    def __init__(self, folder):
        self.folder = folder

    def hold(self):
        (self.folder / "hold").touch()

    def release(self):
        (self.folder / "hold").unlink()

    def refuse(self, kind):
        """Refuse from now on: ``temporary``, ``permanent``, or ``""`` for not."""
        (self.folder / "refuse").write_text(kind)

    def accept(self, message):
        self._note("begun", message)
        while (self.folder / "hold").exists():
            time.sleep(0.005)
        kind = self._read("refuse")
        if kind == "temporary":
            raise TemporaryFailure("busy")
        if kind == "permanent":
            raise PermanentFailure("no such number")
        self._note("sent", message)

    def begun(self):
        """Count, per message id, how often somebody began to send it."""
        return Counter(self._read("begun").split())

    def sent(self):
        return Counter(self._read("sent").split())

    def _note(self, event, message):
        with (self.folder / event).open("ab", buffering=0) as file:
            file.write(f"{message.id}\n".encode())

    def _read(self, name):
        file = self.folder / name
        return file.read_text() if file.exists() else ""


class SMSBackend(BaseSMSBackend):
    def send_messages(self, messages):
        provider = Provider(settings.TEST_PROVIDER)
        for message in messages:
            provider.accept(message)
        return len(messages)

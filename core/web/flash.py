from django.contrib.messages.storage.base import LEVEL_TAGS
from django.contrib.messages.storage.fallback import FallbackStorage

from core.signals import message_flashed


class Storage(FallbackStorage):
    """Django's default storage of messages, which announces what it accepts."""

    def add(self, level: int, message: str, extra_tags: str | None = "") -> None:
        super().add(level, message, extra_tags)
        is_accepted = message and int(level) >= self.level
        if is_accepted and message_flashed.receivers:
            category = LEVEL_TAGS.get(int(level), "")
            message_flashed.send_robust(None, message=message, category=category)

"""A text message as backends get it, and the backend in use."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.utils.module_loading import import_string

if TYPE_CHECKING:
    from core.messaging.backends.base import BaseSMSBackend

CONSOLE = "core.messaging.backends.console.SMSBackend"


@dataclass
class SMS:
    id: str
    """The same at every attempt: a provider that knows it need not send again."""
    to: str
    """An international number such as +8613800138000."""
    body: str
    template: str = ""
    language: str = ""
    context: dict[str, Any] = field(default_factory=dict)
    """For providers that insist on templates of their own."""
    provider_id: str = ""
    """Set by the backend, if the provider tells one."""


outbox: list[SMS] = []
"""What the backend ``locmem`` has sent in this process."""


def get_connection() -> "BaseSMSBackend":
    """Make the backend that ``SMS_BACKEND`` names."""
    backend = import_string(getattr(settings, "SMS_BACKEND", CONSOLE))
    made: BaseSMSBackend = backend()
    return made

"""SMS and e-mail, enqueued in the caller's transaction. Start in docs/messages.md.

Settings, all optional: ``SMS_BACKEND``, ``MESSAGES_DELIVERY`` and the other options
in ``core.messaging.options``. E-mail leaves through Django's ``EMAIL_BACKEND``.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from core.messaging.errors import InvalidMessage
    from core.messaging.outbox import (
        cancel_messages,
        draft_email,
        draft_sms,
        send_email,
        send_many,
        send_sms,
    )

__all__ = [
    "InvalidMessage",
    "cancel_messages",
    "draft_email",
    "draft_sms",
    "send_email",
    "send_many",
    "send_sms",
]


def __getattr__(name: str) -> Any:
    """Load the model only once Django's app registry is ready for it."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    home = "errors" if name == "InvalidMessage" else "outbox"
    return getattr(import_module(f"{__name__}.{home}"), name)

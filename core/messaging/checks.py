from typing import Any

from django.core.checks import CheckMessage, Error, register
from django.core.exceptions import ImproperlyConfigured

from core.messaging import sms
from core.messaging.options import options


@register
def check_options(**kwargs: Any) -> list[CheckMessage]:
    try:
        options()
    except ImproperlyConfigured as error:
        return [Error(str(error), id="core.messaging.E001")]
    return []


@register
def check_backend(**kwargs: Any) -> list[CheckMessage]:
    try:
        sms.get_connection()
    except (ImportError, AttributeError, TypeError, ValueError) as error:
        return [
            Error(
                f"The SMS backend cannot be made: {error}.",
                hint="SMS_BACKEND is the dotted path of a class; its own settings are "
                "listed in docs/messages.md.",
                id="core.messaging.E002",
            )
        ]
    return []

import re

from django.core.exceptions import ValidationError
from django.core.validators import validate_email

from core.messaging.errors import InvalidMessage

PHONE = re.compile(r"\+[1-9][0-9]{6,14}")


def check_phone(to: object) -> None:
    if not isinstance(to, str) or not PHONE.fullmatch(to):
        raise InvalidMessage(
            f"The recipient of an SMS is {_shown(to)}: expected an international "
            "number such as +8613800138000."
        )


def check_address(to: object) -> None:
    try:
        if not isinstance(to, str):
            raise ValidationError("no text")
        validate_email(to)
    except ValidationError:
        raise InvalidMessage(
            f"The recipient of an e-mail is {_shown(to)}: expected one address such as "
            "name@example.com."
        ) from None


def masked(to: str) -> str:
    """Give a number or address as lists and logs may have it."""
    name, at, domain = to.rpartition("@")
    if at:
        return f"{name[:1]}***@{domain}"
    return f"{to[:3]}***{to[-2:]}" if len(to) > 7 else "***"


def _shown(to: object) -> str:
    return repr(masked(to)) if isinstance(to, str) else f"of type {type(to).__name__}"

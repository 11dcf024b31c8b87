from django.core.exceptions import ValidationError
from django.core.validators import URLValidator
from django.utils.translation import gettext_lazy as _


def validate_link(value: str) -> None:
    """Accept an absolute path of this site or an http(s) address."""
    if value.startswith("/") and not value.startswith(("//", "/\\")):
        return
    try:
        URLValidator(schemes=["http", "https"])(value)
    except ValidationError:
        raise ValidationError(
            _("“%(value)s” is neither a path that starts with / nor a web address."),
            params={"value": value},
        ) from None

"""The rules of new passwords, as Django's password validators.

Listed in ``AUTH_PASSWORD_VALIDATORS``, they hold for sign-up, change and reset, the
administration and Django's commands alike. Passwords that exist are not judged.
"""

import re

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from accounts.models import User

MIN_LENGTH = 8
MAX_LENGTH = 128
SPECIAL = "$@!%*?&"

_ALLOWED = rf"[A-Za-z0-9{re.escape(SPECIAL)}]"
_MIXED = re.compile(
    rf"(?=.*[a-z])(?=.*[A-Z])(?=.*[0-9])(?=.*[{re.escape(SPECIAL)}])"
    rf"{_ALLOWED}{{{MIN_LENGTH},}}"
)
_ONLY_ALLOWED = re.compile(rf"{_ALLOWED}*")


class PasswordLength:
    def validate(self, password: str, user: User | None = None) -> None:
        if len(password) < MIN_LENGTH:
            raise ValidationError(
                _("The password needs at least %(min)d characters."),
                code="password_too_short",
                params={"min": MIN_LENGTH},
            )
        if len(password) > MAX_LENGTH:
            raise ValidationError(
                _("The password may have at most %(max)d characters."),
                code="password_too_long",
                params={"max": MAX_LENGTH},
            )

    def get_help_text(self) -> str:
        limits = {"min": MIN_LENGTH, "max": MAX_LENGTH}
        return _("%(min)d to %(max)d characters.") % limits


class PasswordCharacters:
    """Asks for each kind of character, and for no others, in the whole password."""

    def validate(self, password: str, user: User | None = None) -> None:
        errors = []
        if not _MIXED.fullmatch(password):
            errors.append(
                ValidationError(
                    _(
                        "The password needs at least %(min)d characters, with at "
                        "least 1 upper-case letter, 1 lower-case letter, 1 digit and "
                        "1 special character."
                    ),
                    code="password_not_mixed",
                    params={"min": MIN_LENGTH},
                )
            )
        if not _ONLY_ALLOWED.fullmatch(password):
            errors.append(
                ValidationError(
                    _(
                        "The password may contain only the letters A to Z, digits "
                        "and the special characters %(characters)s."
                    ),
                    code="password_has_other_characters",
                    params={"characters": SPECIAL},
                )
            )
        if errors:
            raise ValidationError(errors)

    def get_help_text(self) -> str:
        return _(
            "At least 1 upper-case letter, 1 lower-case letter, 1 digit and one of "
            "%(characters)s; no other characters."
        ) % {"characters": SPECIAL}

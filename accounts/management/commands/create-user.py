import secrets
import string
from argparse import ArgumentParser
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management import BaseCommand, CommandError
from django.db import IntegrityError, transaction

from accounts.models import User
from accounts.passwords import SPECIAL

RANDOM_LENGTH = 16
KINDS = (string.ascii_lowercase, string.ascii_uppercase, string.digits, SPECIAL)


class Command(BaseCommand):
    help = (
        "Create a user with a random password, which is printed once. The rules for "
        "names and passwords that visitors choose do not apply."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", help="the username, such as lqz")
        parser.add_argument("--email", default="", help="an e-mail address")
        parser.add_argument("--phone", help="in the form +8613800138000")
        parser.add_argument("--password", help="instead of a random one")
        parser.add_argument(
            "--staff", action="store_true", help="may log in to the administration"
        )

    def handle(
        self,
        *,
        name: str,
        email: str,
        phone: str | None,
        password: str | None,
        staff: bool,
        **options: Any,
    ) -> None:
        user = User(
            username=User.normalize_username(name),
            email=User.objects.normalize_email(email),
            phone=phone or None,
            is_staff=staff,
        )
        is_random = not password
        password = password or random_password()
        user.set_password(password)
        save_new(user)
        self.stdout.write(f'Created the user "{name}".')
        if is_random:
            self.stdout.write(
                f"Password: {self.style.SUCCESS(password)} (shown this once)"
            )


def save_new(user: User) -> None:
    """Save a user, or raise CommandError with what is wrong with him."""
    try:
        user.full_clean()
        with transaction.atomic():
            user.save(force_insert=True)
    except ValidationError as error:
        faults = [
            f"{field}={getattr(user, field, '')!r}: {' '.join(messages)}"
            for field, messages in error.message_dict.items()
        ]
        raise CommandError("\n".join(faults)) from None
    except IntegrityError:
        # Taken since full_clean() looked, or equal to another one for the database.
        raise CommandError(
            f'The username "{user.username}" or the phone was just taken.'
        ) from None


def random_password() -> str:
    """Give a password that keeps the rules for passwords that visitors choose."""
    everything = "".join(KINDS)
    characters = [secrets.choice(kind) for kind in KINDS]
    while len(characters) < RANDOM_LENGTH:
        characters.append(secrets.choice(everything))
    secrets.SystemRandom().shuffle(characters)
    return "".join(characters)

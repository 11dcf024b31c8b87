from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.core.management import BaseCommand, CommandError, CommandParser

from core.caching import invalidate, invalidate_all


class Command(BaseCommand):
    help = (
        "Void the cached values that show a model (articles.article) or a row (…:42)."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("tags", nargs="*", metavar="TAG")
        parser.add_argument("--all", action="store_true", help="void everything")

    def handle(self, *, tags: list[str], all: bool, **options: Any) -> None:
        if bool(tags) == all:
            raise CommandError("Name tags such as articles.article, or --all.")
        try:
            invalidate_all() if all else invalidate(*tags)
        except ImproperlyConfigured as error:
            raise CommandError(str(error)) from None
        self.stdout.write(f"Voided: {'everything' if all else ', '.join(tags)}.")

from typing import Any

from django.core.management import BaseCommand, CommandError, CommandParser

from core.caching.inspection import UnknownSubject, state_of, subject_of
from core.caching.stores import current_store


class Command(BaseCommand):
    help = "Tell whether a page or a value is cached, and what would void it."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "subject",
            help="an address (/en/, https://example.com/en/?page=2) or a cache key",
        )

    def handle(self, *, subject: str, **options: Any) -> None:
        try:
            found = subject_of(subject)
        except UnknownSubject as error:
            raise CommandError(str(error)) from None
        state = state_of(found)
        store = current_store()
        self.stdout.write(f"key     {found.key}")
        self.stdout.write(f"store   {type(store).__name__}")
        self.stdout.write(f"state   {state.text}")
        current = store.current(found.stamps)
        for name, stamp in zip(found.stamps, current, strict=True):
            mark = "  changed since" if name in state.lapsed else ""
            self.stdout.write(f"stamp   {name} {stamp.decode() or 'none'}{mark}")
        self.stdout.write("A change of any of these voids it; * is everything.")

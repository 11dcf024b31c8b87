import random
from itertools import islice
from typing import Any

from django.core.management import BaseCommand, CommandError, CommandParser

from core.caching.inspection import Subject, UnknownSubject, state_of, subject_of
from core.caching.stores import current_store
from core.caching.values import functions

MOST_KEYS = 100_000


class Command(BaseCommand):
    help = "Compare a sample of cached values with what their source says now."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--sample", type=int, default=100, help="default: 100")

    def handle(self, *, sample: int, **options: Any) -> None:
        keys = {*islice(current_store().keys(), MOST_KEYS), *functions}
        same, unknown, wrong = 0, 0, []
        for key in random.sample(sorted(keys), min(sample, len(keys))):
            try:
                verdict = compare(subject_of(key))
            except UnknownSubject:
                unknown += 1
                continue
            same += verdict is True
            if verdict is False:
                wrong.append(key)
                self.stderr.write(f"differs from its source: {key}")
        self.stdout.write(
            f"{same} of {len(keys)} values are as their source says, "
            f"{len(wrong)} differ, {unknown} cannot be recomputed."
        )
        if wrong:
            raise CommandError(f"{len(wrong)} cached values differ from their source.")


def compare(subject: Subject) -> bool | None:
    """Tell whether a value is true; None if none is valid or it was just changed."""
    entry = state_of(subject).entry
    if entry is None:
        return None
    # A change while the source is read makes a difference, and the value void.
    return subject.is_true(entry) or (
        None if state_of(subject).entry != entry else False
    )

from argparse import ArgumentParser, ArgumentTypeError
from datetime import timedelta
from typing import Any

from django.core.management import BaseCommand
from django.db import DEFAULT_DB_ALIAS, connections
from django.utils.translation import gettext as _

from core.messaging.clock import ServerNow
from core.messaging.models import Message

# Each step is a transaction of its own, so that workers wait for none of them long.
STEP = 1000
UNFINISHED = [Message.Status.QUEUED, Message.Status.SENDING]


class Command(BaseCommand):
    help = (
        "Delete messages that were sent, given up or cancelled, with the personal data "
        "in them. What still waits is kept. Their dedupe keys are free again."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--days",
            type=_days,
            required=True,
            help="keep those of so many days",
        )
        parser.add_argument(
            "--database",
            metavar="ALIAS",
            default=DEFAULT_DB_ALIAS,
            choices=tuple(connections),
            help='the database with the messages (default: "default")',
        )

    def handle(self, *, days: int, database: str, **options: Any) -> None:
        old = (
            Message.objects.using(database)
            .filter(created_at__lt=ServerNow() - timedelta(days=days))
            .exclude(status__in=UNFINISHED)
        )
        oldest = old.order_by("created_at").values_list("id", flat=True)
        total = 0
        while ids := list(oldest[:STEP]):
            # Once more with the condition: one may have been queued again meanwhile.
            total += old.filter(id__in=ids).delete()[0]
        self.stdout.write(_("Deleted: %d messages.") % total)


def _days(text: str) -> int:
    if text.isascii() and text.isdigit():
        return int(text)
    raise ArgumentTypeError(f"{text!r}: expected a whole number of days, 0 or more")

import signal
import time
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from django.core.management import BaseCommand
from django.db import DEFAULT_DB_ALIAS, connections
from django.utils.translation import gettext as _
from tqdm import tqdm

from core.messaging.models import Message
from core.messaging.worker import Tally, Worker

SECONDS_BETWEEN_LOOKS = 0.5


class Command(BaseCommand):
    help = (
        "Deliver queued SMS and e-mail until SIGTERM or Ctrl-C, which let the message "
        "in hand be finished. Any number of workers share the work."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--once",
            "--drain",
            action="store_true",
            help="deliver what is due now, and end",
        )
        parser.add_argument(
            "--database",
            metavar="ALIAS",
            default=DEFAULT_DB_ALIAS,
            choices=tuple(connections),
            help='the database with the messages (default: "default")',
        )

    def handle(self, *, once: bool, database: str, **options: Any) -> None:
        # Shows itself, with the rate, on a terminal only.
        with tqdm(unit=_(" messages"), disable=None) as bar:
            worker = Worker(database, on_progress=lambda tally: count(bar, tally))
            with stopping_at_signals(worker):
                if once:
                    worker.drain()
                else:
                    worker.run(lambda: time.sleep(SECONDS_BETWEEN_LOOKS))
        self.stdout.write(summary(worker.tally))


def count(bar: Any, tally: Tally) -> None:
    bar.update(tally.total())


def summary(tally: Tally) -> str:
    message = _("Sent: %(sent)d, to be tried again: %(queued)d, given up: %(dead)d.")
    return message % {status.value: tally[status] for status in Message.Status}


@contextmanager
def stopping_at_signals(worker: Worker) -> Iterator[None]:
    """Stop in good order at the first signal, at once at the second."""

    def stop(number: int, frame: FrameType | None) -> None:
        worker.stop()
        signal.signal(number, usual[number])

    usual: dict[int, Any] = {
        number: signal.signal(number, stop)
        for number in (signal.SIGTERM, signal.SIGINT)
    }
    try:
        yield
    finally:
        for number, handler in usual.items():
            signal.signal(number, handler)

import math
from argparse import ArgumentParser, ArgumentTypeError
from typing import Any

from django.core.management import BaseCommand
from django.db import DEFAULT_DB_ALIAS
from django.utils.translation import gettext as _
from tqdm import tqdm

from core.db.management.databases import answering, pooled


class Command(BaseCommand):
    help = (
        "Measure what the connection pool of a MySQL database is worth: many threads "
        "ask the server at once, first with the pool as configured, then with a new "
        "connection for each request."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--database", default=DEFAULT_DB_ALIAS, metavar="ALIAS")
        parser.add_argument(
            "--threads", type=_count, default=100, help="default: %(default)s"
        )
        parser.add_argument(
            "--requests-per-thread", type=_count, default=1, metavar="NUMBER"
        )
        parser.add_argument(
            "--sleep",
            type=_seconds,
            default=1.0,
            metavar="SECONDS",
            help="how long the server takes for each request (default: %(default)g)",
        )

    def handle(
        self,
        *,
        database: str,
        threads: int,
        requests_per_thread: int,
        sleep: float,
        **options: Any,
    ) -> None:
        connection = pooled(database)
        from core.db.mysql.experiment import Experiment

        outcomes = []
        for is_pooled in (True, False):
            with (
                answering(database),
                # Shows itself on a terminal only.
                tqdm(total=threads * requests_per_thread, disable=None) as bar,
            ):
                experiment = Experiment(
                    alias=database,
                    settings=connection.settings_dict,
                    threads=threads,
                    requests=requests_per_thread,
                    sleep_seconds=sleep,
                    progress=bar.update,
                )
                outcomes.append(experiment.run(is_pooled=is_pooled))
        self.print(
            _("%(threads)d threads, each %(requests)d x SELECT SLEEP(%(s)g)")
            % {"threads": threads, "requests": requests_per_thread, "s": sleep},
            *outcomes,
        )

    def print(self, title: str, pool: Any, plain: Any) -> None:
        self.stdout.write(self.style.MIGRATE_HEADING(title))
        for name, *cells in (
            ("", _("pool"), _("connection per request")),
            (_("wall time"), f"{pool.seconds:.2f} s", f"{plain.seconds:.2f} s"),
            (_("errors"), pool.errors.total(), plain.errors.total()),
            (
                _("peak Threads_connected"),
                pool.peak_threads_connected,
                plain.peak_threads_connected,
            ),
        ):
            self.stdout.write("{:<24}{:>14}{:>24}".format(name, *cells))
        for name, outcome in ((_("pool"), pool), (_("connection per request"), plain)):
            for message, count in outcome.errors.most_common():
                self.stdout.write(f"{count} x {name}: {message}")


def _count(text: str) -> int:
    if text.isascii() and text.isdigit() and int(text) >= 1:
        return int(text)
    raise ArgumentTypeError(f"{text!r}: expected a whole number, 1 or more")


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if 0 <= value < math.inf:
        return value
    raise ArgumentTypeError(f"{text!r}: expected a number of seconds, 0 or more")

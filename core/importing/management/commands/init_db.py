import argparse
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any, TypeVar

from django.core.management.base import (
    BaseCommand,
    CommandError,
    CommandParser,
    DjangoHelpFormatter,
)
from django.db import DEFAULT_DB_ALIAS, connections
from django.utils.translation import gettext as _
from tqdm import tqdm

from core.importing import ImportFailed, import_workbook
from core.importing.services import without_progress

Item = TypeVar("Item")

EXAMPLE = """\
  manage.py init_db articles.xlsx articles_article --dry-run

  title    | slug    | author | category | tags           | body  | status    | published at
  Welcome! | welcome | mei    | news     | python, django | # Hi  | published | 2024-01-31 09:30
"""


class _HelpFormatter(DjangoHelpFormatter, argparse.RawDescriptionHelpFormatter):
    """Keeps the lines of the example as they are."""


class Command(BaseCommand):
    def create_parser(
        self, prog_name: str, subcommand: str, **kwargs: Any
    ) -> CommandParser:
        kwargs.setdefault("formatter_class", _HelpFormatter)
        return super().create_parser(prog_name, subcommand, **kwargs)

    def add_arguments(self, parser: CommandParser) -> None:
        parser.description = _(
            "Fill a table from an .xlsx workbook: every row of the sheet, or none if a "
            "cell is wrong."
        )
        parser.epilog = "\n".join(
            (
                _(
                    "The first row with content names the columns by field name, column "
                    "name or label in any language of the site.\nRelations are given by "
                    "name: users by username, others by slug; several in one cell are "
                    "separated by commas.\nTimes without offset are local. Example:"
                ),
                "",
                EXAMPLE,
            )
        )
        parser.add_argument(
            "file", metavar="FILE", type=Path, help=_("the .xlsx workbook to read")
        )
        parser.add_argument(
            "table",
            metavar="TABLE",
            help=_("the table to fill, as articles_article or articles.Article"),
        )
        parser.add_argument(
            "--sheet",
            metavar="NAME",
            help=_("the sheet to read; by default the first that is not hidden"),
        )
        parser.add_argument(
            "--database",
            metavar="ALIAS",
            default=DEFAULT_DB_ALIAS,
            choices=tuple(connections),
            help=_('the database to write to; by default "default"'),
        )
        parser.add_argument(
            "-n",
            "--dry-run",
            action="store_true",
            help=_("check everything and write nothing"),
        )
        parser.add_argument(
            "--no-progress",
            action="store_true",
            help=_("show no progress bar; without a terminal there is none anyway"),
        )

    def handle(
        self,
        *,
        file: Path,
        table: str,
        sheet: str | None,
        database: str,
        dry_run: bool,
        no_progress: bool,
        verbosity: int,
        **options: Any,
    ) -> None:
        has_bar = sys.stderr.isatty() and not no_progress and verbosity > 0
        try:
            report = import_workbook(
                file,
                table,
                sheet=sheet,
                using=database,
                dry_run=dry_run,
                progress=_progress_bar if has_bar else without_progress,
            )
        except ImportFailed as error:
            raise CommandError(str(error)) from error
        if verbosity > 0:
            self.stdout.write(str(report))


def _progress_bar(
    items: Iterable[Item], *, total: int | None, label: str
) -> Iterable[Item]:
    return tqdm(items, total=total, desc=label, unit=" rows", file=sys.stderr)

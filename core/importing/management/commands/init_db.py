import argparse
import json
import sys
from pathlib import Path
from typing import Any

from django.core.management.base import (
    BaseCommand,
    CommandError,
    CommandParser,
    DjangoHelpFormatter,
)
from django.db import DEFAULT_DB_ALIAS, connections
from django.db import Error as DatabaseFailure
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from core.importing import (
    ImportFailed,
    Mode,
    Progress,
    Report,
    import_workbook,
    run_import,
)
from core.importing.errors import shown
from core.importing.management.console import ConsoleProgress
from core.importing.models import ImportRun
from core.importing.runs.ledger import NotWaiting
from core.importing.template import write_template_for

FAILED, WRONG_USAGE, INTERRUPTED = 1, 2, 130
EXAMPLES = """\
  manage.py init_db articles.xlsx articles_article --dry-run
  manage.py init_db articles.xlsx articles.Article --mode upsert --key slug
  manage.py init_db old.csv articles.Article --map "Titel=title" --set author=mei

  title    | slug    | author | category | tags           | body  | status    | published at
  Welcome! | welcome | mei    | news     | python, django | # Hi  | published | 2024-01-31 09:30
"""


class _HelpFormatter(DjangoHelpFormatter, argparse.RawDescriptionHelpFormatter):
    """Keeps the lines of the examples as they are."""


class Command(BaseCommand):
    def create_parser(
        self, prog_name: str, subcommand: str, **kwargs: Any
    ) -> CommandParser:
        kwargs.setdefault("formatter_class", _HelpFormatter)
        return super().create_parser(prog_name, subcommand, **kwargs)

    def add_arguments(self, parser: CommandParser) -> None:
        parser.description = _(
            "Fill a table from a workbook (.xlsx) or delimited text (.csv): every row of "
            "the sheet, or none if a cell is wrong."
        )
        parser.epilog = "\n".join(
            (
                _(
                    "The first row with content names the columns by field name, column "
                    "name or label in any language of the site.\nRelations are given by "
                    "name: users by username, others by slug; several in one cell are "
                    "separated by commas.\nTimes without offset are local.\nExit status: "
                    "0 done, 1 refused, 2 wrong usage, 130 interrupted.\nExamples:"
                ),
                "",
                EXAMPLES,
            )
        )
        parser.add_argument(
            "file", metavar="FILE", nargs="?", help=_("the file to read")
        )
        parser.add_argument(
            "table",
            metavar="TABLE",
            nargs="?",
            help=_("the table to fill, as articles_article or articles.Article"),
        )
        parser.add_argument(
            "--run",
            metavar="ID",
            type=_positive,
            help=_("instead of a file: do the queued import with this number"),
        )
        parser.add_argument(
            "--queued",
            action="store_true",
            help=_("instead of a file: do all queued imports, the oldest first"),
        )
        parser.add_argument(
            "--template",
            metavar="FILE",
            type=Path,
            help=_("write a workbook to fill in for TABLE, and import nothing"),
        )
        self._add_reading(parser)
        self._add_writing(parser)
        self._add_reporting(parser)

    def _add_reading(self, parser: CommandParser) -> None:
        group = parser.add_argument_group(_("what to read"))
        group.add_argument(
            "--sheet",
            metavar="NAME|N",
            help=_("the sheet to read; by default the first that is not hidden"),
        )
        group.add_argument(
            "--header-row",
            metavar="N",
            type=_positive,
            help=_("the row with the headers; by default the first with content"),
        )
        group.add_argument(
            "--map",
            dest="mapping",
            metavar="HEADER=FIELD",
            action="append",
            default=[],
            type=_pair,
            help=_("the field that a header means; may be given several times"),
        )
        group.add_argument(
            "--ignore-extra-columns",
            action="store_true",
            help=_("leave out columns whose header names no field"),
        )
        group.add_argument(
            "--set",
            dest="constants",
            metavar="FIELD=VALUE",
            action="append",
            default=[],
            type=_pair,
            help=_("a value for every row; may be given several times"),
        )
        group.add_argument(
            "--lookup",
            dest="lookups",
            metavar="RELATION=FIELD",
            action="append",
            default=[],
            type=_pair,
            help=_("the field by which cells name related rows, as author=email"),
        )
        group.add_argument(
            "--skip-hidden", action="store_true", help=_("leave out hidden rows")
        )
        group.add_argument(
            "--stop-after",
            metavar="N",
            type=_positive,
            help=_("read the first N rows only, to try a large file"),
        )
        group.add_argument(
            "--encoding",
            metavar="NAME",
            help=_("of a .csv file; by default UTF-8, then GB 18030"),
        )

    def _add_writing(self, parser: CommandParser) -> None:
        group = parser.add_argument_group(_("what to write"))
        group.add_argument(
            "--mode",
            choices=Mode.values,
            default=Mode.INSERT.value,
            help=_(
                "what happens to rows that the table has already; "
                'by default "insert", which refuses them'
            ),
        )
        group.add_argument(
            "--key",
            metavar="FIELD,…",
            default="",
            help=_("the unique fields that tell which row of the table is meant"),
        )
        group.add_argument(
            "--database",
            metavar="ALIAS",
            default=DEFAULT_DB_ALIAS,
            choices=tuple(connections),
            help=_('the database to write to; by default "default"'),
        )
        group.add_argument(
            "-n",
            "--dry-run",
            action="store_true",
            help=_("check everything, count what would change, and write nothing"),
        )
        group.add_argument(
            "--force",
            action="store_true",
            help=_("import a file that was imported before"),
        )

    def _add_reporting(self, parser: CommandParser) -> None:
        group = parser.add_argument_group(_("what to tell"))
        group.add_argument(
            "--on-error",
            choices=["abort", "skip"],
            default="abort",
            help=_(
                "what happens if rows are wrong: nothing is written, or the others are; "
                "skipping needs --rejects"
            ),
        )
        group.add_argument(
            "--rejects",
            metavar="FILE",
            type=Path,
            help=_("write the wrong rows to a workbook, to correct and import again"),
        )
        group.add_argument(
            "--max-errors",
            metavar="N",
            type=_positive,
            help=_("stop after this many problems; by default 10,000"),
        )
        group.add_argument(
            "--report",
            metavar="FILE",
            type=Path,
            help=_("write counts and problems to a JSON file"),
        )
        group.add_argument(
            "--no-progress", action="store_true", help=_("show no progress")
        )

    def handle(self, *, report: Path | None, verbosity: int, **options: Any) -> None:
        has_progress = verbosity > 0 and not options["no_progress"]
        self.is_quiet = verbosity == 0
        self.progress = ConsoleProgress(sys.stderr) if has_progress else Progress()
        try:
            if options["queued"]:
                self._do_queued(options["database"])
            elif options["template"]:
                self._write_template(options)
            else:
                self._do_one(report, options)
        except KeyboardInterrupt:
            message = _("Interrupted; nothing was written.")
            raise CommandError(message, returncode=INTERRUPTED) from None
        except DatabaseFailure as error:
            message = _(
                "The database failed (%(reason)s); the ledger of imports tells whether "
                "rows were written."
            )
            reason = shown(str(error.args[-1] if error.args else error))
            raise CommandError(message % {"reason": reason}) from error
        finally:
            self.progress.close()

    def _do_one(self, report: Path | None, options: dict[str, Any]) -> None:
        try:
            done = self._import(options)
        except ImportFailed as error:
            problems = [problem.as_json() for problem in error.problems]
            _write_json(report, {"error": str(error), "problems": problems})
            raise CommandError(str(error), returncode=FAILED) from error
        _write_json(report, done.as_json())
        self._tell(str(done))

    def _write_template(self, options: dict[str, Any]) -> None:
        file, table = options["template"], options["table"] or options["file"]
        if not table:
            raise CommandError(_("TABLE is required."), returncode=WRONG_USAGE)
        try:
            write_template_for(table, file, using=options["database"])
        except ImportFailed as error:
            raise CommandError(str(error), returncode=FAILED) from error
        except OSError as error:
            raise _unwritable(file, error) from error
        self._tell(_("%(file)s is ready to be filled in.") % {"file": file})

    def _do_queued(self, using: str) -> None:
        """Do what waits now; a failure of one does not keep the others waiting."""
        queued = ImportRun.objects.using(using).filter(status=ImportRun.Status.QUEUED)
        failed = 0
        for run in queued.order_by("pk"):
            try:
                self._tell(f"{run.pk}: {run_import(run, progress=self.progress)}")
            except NotWaiting as done_by_another:
                self._tell(str(done_by_another))
            except ImportFailed as error:
                failed += 1
                self.stderr.write(f"{run.pk}: {error}")
        if failed:
            message = ngettext(
                "%(count)s queued import failed.",
                "%(count)s queued imports failed.",
                failed,
            )
            raise CommandError(message % {"count": failed}, returncode=FAILED)

    def _tell(self, text: str) -> None:
        self.progress.close()
        if not self.is_quiet:
            self.stdout.write(text)

    def _import(self, options: dict[str, Any]) -> Report:
        using = options["database"]
        if options["run"]:
            return run_import(_run(options["run"], using), progress=self.progress)
        if not options["file"] or not options["table"]:
            message = _("FILE and TABLE are required.")
            raise CommandError(message, returncode=WRONG_USAGE)
        if options["on_error"] == "skip" and not options["rejects"]:
            message = _("--on-error skip needs --rejects FILE for the rows left out.")
            raise CommandError(message, returncode=WRONG_USAGE)
        return import_workbook(
            Path(options["file"]),
            options["table"],
            using=using,
            dry_run=options["dry_run"],
            progress=self.progress,
            rejects=options["rejects"],
            **_choices(options),
        )


def _run(number: int, using: str) -> ImportRun:
    run = ImportRun.objects.using(using).filter(pk=number).first()
    if run is None:
        raise ImportFailed(_("There is no run %(run)s.") % {"run": number})
    return run


def _choices(options: dict[str, Any]) -> dict[str, Any]:
    return {
        "mode": Mode(options["mode"]),
        "key": tuple(name.strip() for name in options["key"].split(",") if name),
        "sheet": options["sheet"],
        "header_row": options["header_row"],
        "mapping": dict(options["mapping"]),
        "constants": dict(options["constants"]),
        "lookups": dict(options["lookups"]),
        "ignore_extra_columns": options["ignore_extra_columns"],
        "skip_hidden": options["skip_hidden"],
        "stop_after": options["stop_after"],
        "skip_faulty": options["on_error"] == "skip",
        "max_problems": options["max_errors"],
        "encoding": options["encoding"],
        "force": options["force"],
    }


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name.strip():
        raise argparse.ArgumentTypeError(
            _('"%(text)s": expected two names joined by "=".') % {"text": text}
        )
    return name.strip(), value.strip()


def _positive(text: str) -> int:
    if not text.isascii() or not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(
            _('"%(text)s": expected a number, 1 or more.') % {"text": text}
        )
    return int(text)


def _write_json(path: Path | None, content: dict[str, Any]) -> None:
    if path is None:
        return
    try:
        path.write_text(json.dumps(content, ensure_ascii=False, indent=2) + "\n")
    except OSError as error:
        raise _unwritable(path, error) from error


def _unwritable(path: Path, error: OSError) -> CommandError:
    return CommandError(
        _("%(file)s: the file cannot be written (%(reason)s).")
        % {"file": path, "reason": error.strerror}
    )

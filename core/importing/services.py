"""The import of one sheet into one table: all of it, or nothing."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Protocol, TypeVar

from django.db import (
    DEFAULT_DB_ALIAS,
    DataError,
    IntegrityError,
    OperationalError,
    transaction,
)
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from core.importing.drafts import Draft, Drafter
from core.importing.errors import ImportFailed, Problems, shown
from core.importing.headers import match_headers
from core.importing.reader import Row, Sheet, open_workbook
from core.importing.rules import Places, RowRules
from core.importing.targets import Target, find_target
from core.importing.uniqueness import Uniqueness
from core.importing.writing import write
from core.signals import table_imported

# MySQL: a lock that was not released in time, a deadlock. Both mean a rollback.
LOCK_CONFLICTS = {1205, 1213}

Item = TypeVar("Item")


class Progress(Protocol):
    """Passes the items on and may show how far it is; ``total`` is an estimate."""

    def __call__(
        self, items: Iterable[Item], *, total: int | None, label: str
    ) -> Iterable[Item]: ...


def without_progress(
    items: Iterable[Item], *, total: int | None, label: str
) -> Iterable[Item]:
    return items


@dataclass(frozen=True)
class Report:
    """What an import did, or would do (``dry_run``)."""

    model: str
    sheet: str
    rows: int
    blank_rows: int
    dry_run: bool

    def __str__(self) -> str:
        parts = {"model": self.model, "sheet": shown(self.sheet), "rows": self.rows}
        if self.dry_run:
            text = ngettext(
                "%(model)s: %(rows)s row of sheet %(sheet)s can be imported; "
                "this was a dry run, nothing was written",
                "%(model)s: %(rows)s rows of sheet %(sheet)s can be imported; "
                "this was a dry run, nothing was written",
                self.rows,
            )
        else:
            text = ngettext(
                "%(model)s: %(rows)s row imported from sheet %(sheet)s",
                "%(model)s: %(rows)s rows imported from sheet %(sheet)s",
                self.rows,
            )
        return text % parts + self._blank_rows()

    def _blank_rows(self) -> str:
        if not self.blank_rows:
            return ""
        return ngettext(
            " (%(count)s blank row skipped)",
            " (%(count)s blank rows skipped)",
            self.blank_rows,
        ) % {"count": self.blank_rows}


def import_workbook(
    path: Path,
    table: str,
    *,
    sheet: str | None = None,
    using: str = DEFAULT_DB_ALIAS,
    dry_run: bool = False,
    progress: Progress = without_progress,
) -> Report:
    """Add the rows of a sheet to a table, or raise ``ImportFailed`` and add none.

    ``table`` is the name of a table or the label of a model. ``sheet`` is the first
    visible one by default. After the commit ``core.signals.table_imported`` is sent.
    """
    target = find_target(table, using)
    with open_workbook(path) as workbook:
        source = workbook.sheet(sheet)
        problems = Problems(path.name, source.name)
        drafts, blank_rows = _read(source, target, problems, progress)
    problems.raise_if_any()
    if not dry_run:
        _write(target, problems, drafts, progress)
    return Report(target.label, source.name, len(drafts), blank_rows, dry_run)


def _read(
    source: Sheet, target: Target, problems: Problems, progress: Progress
) -> tuple[list[Draft], int]:
    rows = iter(progress(source.rows(), total=source.max_row, label=_("reading")))
    header = _header(rows, problems)
    columns = match_headers(header, target, problems)
    places = Places(columns)
    rules = RowRules(target.model, places, problems)
    drafter = Drafter(target, header, columns, problems)
    drafts = []
    for draft in drafter.drafts(rows):
        rules.check(draft)
        drafts.append(draft)
    if not drafts and not problems:
        raise _fault(problems, _("there are no rows below the header."))
    Uniqueness(target, places, problems).check(drafts)
    return drafts, drafter.blank_rows


def _header(rows: Iterator[Row], problems: Problems) -> Row:
    """Take the first row with content; titles above it would be unknown headers."""
    for row in rows:
        if row.cells:
            return row
    raise _fault(problems, _("the sheet is empty."))


def _write(
    target: Target, problems: Problems, drafts: list[Draft], progress: Progress
) -> None:
    """Write in one transaction, which only holds locks for as long as it writes.

    Between the checks and the INSERT another writer may take a unique value or
    delete a row that is referred to. The constraints of the database see that, at
    the latest at COMMIT, and roll everything back: hence the ``try`` around the
    transaction and not inside it.
    """
    announce = partial(
        table_imported.send_robust,
        sender=target.model,
        table=target.table,
        using=target.using,
        rows=len(drafts),
    )
    try:
        with transaction.atomic(using=target.using):
            write(target, progress(drafts, total=len(drafts), label=_("writing")))
            transaction.on_commit(announce, using=target.using)
    except (IntegrityError, DataError, OperationalError) as error:
        # Any other failure of the server may have come after the COMMIT.
        if isinstance(error, OperationalError) and error.args[0] not in LOCK_CONFLICTS:
            raise
        raise _fault(
            problems,
            _(
                "the database refused the rows (%(reason)s), probably because another "
                "writer changed the data meanwhile; nothing was written, so the "
                "import can be repeated."
            )
            % {"reason": shown(str(error.args[-1]))},
        ) from error


def _fault(problems: Problems, message: str) -> ImportFailed:
    return ImportFailed(
        _("%(file)s, sheet %(sheet)s: %(problem)s")
        % {
            "file": shown(problems.file),
            "sheet": shown(problems.sheet),
            "problem": message,
        }
    )

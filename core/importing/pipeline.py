"""One import, from the sheet to the table: read, stage, check, merge."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from itertools import chain, islice

from django.db import (
    DataError,
    IntegrityError,
    OperationalError,
    connections,
    transaction,
)
from django.db.backends.base.base import BaseDatabaseWrapper
from django.utils.functional import cached_property
from django.utils.translation import gettext as _

from core.importing.errors import ImportFailed, Problems, Reason, shown
from core.importing.headers import Header, read_header
from core.importing.loading.connections import in_place_of_usual
from core.importing.loading.staging import Staging
from core.importing.merging.changes import Counts, count, decide, report_unknown
from core.importing.merging.checks import UniquenessCheck
from core.importing.merging.merge import Merge
from core.importing.merging.references import check_not_referred_to
from core.importing.progress import Progress
from core.importing.reading import Row, Sheet
from core.importing.rejecting import Reject
from core.importing.report import Report
from core.importing.request import ImportRequest, Mode
from core.importing.rows.instances import InstanceRowReader
from core.importing.rows.keys import key_of
from core.importing.rows.merged import merged_data
from core.importing.rows.plain import PlainRowReader
from core.importing.rows.reading import RowReader, StagedRow
from core.importing.rows.written import needs_instances, written_fields
from core.importing.targets.target import Target
from core.signals import table_imported

# MySQL: a lock that was not released in time, a deadlock. Both mean a rollback.
LOCK_CONFLICTS = {1205, 1213}
# SQLite has no numbers: another process went on writing for longer than the timeout.
LOCKED = "database is locked"


class Pipeline:
    """``prepare()`` brings the rows into the staging table; ``merge()`` writes them."""

    def __init__(
        self,
        target: Target,
        sheet: Sheet,
        request: ImportRequest,
        problems: Problems,
        connection: BaseDatabaseWrapper,
        progress: Progress,
        *,
        shown_rows: int = 0,
        reject: Reject | None = None,
    ) -> None:
        self.target = target
        self.request = request
        self.problems = problems
        self._sheet = sheet
        self._connection = connection
        self._progress = progress
        self._resources = ExitStack()
        self._shown_rows = shown_rows
        self._reject = reject
        self.first_rows: list[Row] = []

    def __enter__(self) -> "Pipeline":
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._resources.close()

    @cached_property
    def _rows(self) -> Iterator[Row]:
        return iter(self._sheet.rows())

    def _data_rows(self) -> Iterator[Row]:
        self.first_rows = list(islice(self._rows, self._shown_rows))
        return chain(self.first_rows, self._rows)

    @cached_property
    def header(self) -> Header:
        """Take the first row with content; titles above it would be unknown headers."""
        wanted = self.request.header_row
        for row in self._rows:
            if wanted is None or row.number == wanted:
                return read_header(row, self.target, self.request, self.problems)
            if row.number > wanted:
                break
        if wanted is None:
            raise self.problems.failure(_("the sheet is empty."))
        raise self.problems.failure(
            _("row %(row)s, which should be the header, is blank.") % {"row": wanted}
        )

    @cached_property
    def reader(self) -> RowReader:
        written = written_fields(self.target, self.header)
        try:
            key = key_of(self.target, self.request, self.header)
        except ImportFailed:
            # A column of the key may be missing because its header is misspelt.
            self.problems.raise_if_any()
            raise
        reader_class = (
            InstanceRowReader if needs_instances(self.target) else PlainRowReader
        )
        reader = reader_class(
            self.target, self.header, written, key, self.request, self.problems
        )
        self._resources.callback(reader.links.close)
        return reader

    @cached_property
    def staging(self) -> Staging:
        reader = self.reader
        staging = Staging(
            self._connection, self.target, reader.written.fields, len(reader.flags)
        )
        staging.create()
        if self._connection is connections[self.target.using]:
            self._resources.callback(self._drop, staging)
        return staging

    def prepare(self) -> Counts:
        """Stage all rows and check them; raise ``ImportFailed`` for what is wrong."""
        reader, staging = self.reader, self.staging
        staging.load(self._staged_rows(), self.problems)
        staging.load_links(reader.links, self.problems)
        self._report_merged_cells()
        if not reader.read and not self.problems:
            raise self.problems.failure(_("there are no rows below the header."))
        self._progress.step(_("checking"))
        self._check_uniqueness()
        self._settle_problems()
        self._decide()
        return count(staging, self.request.mode)

    def merge(self, counts: Counts, finish: Callable[[], None]) -> None:
        """Write in one transaction; ``finish`` adds the ledger's entry to it.

        Between the checks and the INSERT another writer may take a unique value or
        delete a row that is referred to. The constraints of the database see that, at
        the latest at COMMIT, and roll everything back: hence the ``try`` around the
        transaction and not inside it.
        """
        self._progress.step(_("writing"))
        merge = Merge(
            self.staging,
            self.reader.links,
            self.reader.written,
            self.reader.changed,
            self.problems,
        )
        using = self.target.using
        try:
            with in_place_of_usual(self._connection), transaction.atomic(using=using):
                if self.request.mode is Mode.REPLACE:
                    check_not_referred_to(self.target, self._connection)
                merge.run(self.request.mode, counts)
                finish()
                if counts.written:
                    transaction.on_commit(self._announcement(counts), using=using)
        except (IntegrityError, DataError, OperationalError) as error:
            if not _is_refusal(error):
                raise
            raise self.problems.failure(
                _(
                    "the database refused the rows (%(reason)s), probably because "
                    "another writer changed the data meanwhile; nothing was written, "
                    "so the import can be repeated."
                )
                % {"reason": shown(str(error.args[-1]))}
            ) from error

    def report(self, counts: Counts, *, dry_run: bool, seconds: float) -> Report:
        reader = self.__dict__.get("reader")
        return Report(
            model=self.target.label,
            sheet=self._sheet.name,
            mode=self.request.mode,
            dry_run=dry_run,
            counts=counts,
            read=reader.read if reader else 0,
            blank_rows=reader.blank_rows if reader else 0,
            hidden_rows=0 if self.request.skip_hidden else self._sheet.hidden_rows,
            rejected=len(reader.faulty_rows) if reader else 0,
            seconds=seconds,
            problems=tuple(self.problems),
        )

    def _staged_rows(self) -> Iterator[list[StagedRow]]:
        for batch in self.reader.staged(self._data_rows()):
            yield batch
            self._progress.read(self.reader.read, self._sheet.progress)

    def _report_merged_cells(self) -> None:
        for row, index, range_ in merged_data(self._sheet.merged_ranges, self.header):
            column = next(c for c in self.header.columns if c.index == index)
            message = _(
                "the cells %(range)s are merged, and only the first has a value; unmerge "
                "them and fill each."
            )
            self.reader.report_rule(
                row, Reason.MERGED, message % {"range": range_}, [column.field.name]
            )

    def _check_uniqueness(self) -> None:
        reader = self.reader
        UniquenessCheck(
            self.staging,
            self.header,
            reader.key,
            self.request.mode,
            self.problems,
            reader.report_rule,
        ).check()

    def _settle_problems(self) -> None:
        """Stop at any problem, or take the faulty rows out if that was asked for."""
        self.problems.sort()
        if self._reject and self.problems:
            self._reject(self.header, self.problems)
        is_fatal = self.problems.is_full or any(
            problem.row is None or problem.row <= self.header.row
            for problem in self.problems
        )
        if is_fatal or not self.request.skip_faulty:
            self.problems.raise_if_any()
        self.staging.remove(self.reader.faulty_rows)

    def _decide(self) -> None:
        reader, mode = self.reader, self.request.mode
        decide(self.staging, reader.links, reader.key, reader.changed, mode)
        if mode is Mode.UPDATE:
            room = self.problems.room
            report_unknown(self.staging, reader.key, room, reader.report_rule)
            self._settle_problems()

    def _announcement(self, counts: Counts) -> Callable[[], object]:
        return partial(
            table_imported.send_robust,
            sender=self.target.model if self.target.is_modelled else None,
            table=self.target.table,
            using=self.target.using,
            rows=counts.inserted + counts.updated,
        )

    def _drop(self, staging: Staging) -> None:
        if self._connection.is_usable():
            staging.drop(self.reader.links)


def _is_refusal(error: Exception) -> bool:
    """Tell a refusal from a failure after which COMMIT may have happened."""
    if not isinstance(error, OperationalError):
        return True
    return error.args[0] in LOCK_CONFLICTS or LOCKED in str(error.args[0])

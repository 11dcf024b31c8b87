"""Imports as callers ask for them: now, as a preview, or later by a worker."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from django.core.files import File
from django.db import connections
from django.utils.translation import gettext as _

from core.importing.errors import ImportFailed, Problems, column_letter
from core.importing.headers import Header
from core.importing.loading.connections import import_connection
from core.importing.merging.changes import Counts, some_changes
from core.importing.models import ImportRun
from core.importing.pipeline import Pipeline
from core.importing.preview import Change, Preview, PreviewColumn, PreviewRow
from core.importing.progress import Progress
from core.importing.reading import Sheet, open_source
from core.importing.rejecting import Reject, rejecting
from core.importing.report import Report
from core.importing.request import ImportRequest
from core.importing.runs import ledger
from core.importing.runs.lock import TableBusy, table_lock
from core.importing.runs.noted import NotedProgress
from core.importing.targets.target import Target, find_target

PREVIEW_ROWS = 50


def import_workbook(
    path: Path,
    table: str,
    *,
    dry_run: bool = False,
    user: Any = None,
    progress: Progress | None = None,
    rejects: Path | None = None,
    **choices: Any,
) -> Report:
    """Import a sheet into a table, or raise ``ImportFailed`` and write nothing.

    ``table`` is the name of a table or the label of a model; ``choices`` are the
    attributes of ``ImportRequest``. Faulty rows are written to the workbook
    ``rejects``. After the commit ``core.signals.table_imported`` is sent.
    """
    request = ImportRequest(table, **choices)
    reject = rejecting(rejects, path, request) if rejects else None
    with _opened(path, request, progress or Progress(), reject=reject) as job:
        if dry_run:
            return _rehearse(job)
        ledger.check_ledger(request.using)
        run = _new_run(job, path, user=user)
        return _perform(job, run)


def preview_import(path: Path, request: ImportRequest, *, name: str = "") -> Preview:
    """Check a file and tell what its import would change; write nothing.

    Raises ``ImportFailed`` if the file or the table cannot be read at all.
    """
    with (
        _opened(path, request, Progress(), name=name) as job,
        import_connection(request.using) as connection,
        job.pipeline(connection, shown_rows=PREVIEW_ROWS) as pipeline,
    ):
        try:
            counts = pipeline.prepare()
        except ImportFailed as failure:
            if not failure.problems:
                raise
            return _preview(job, pipeline, sentences=str(failure).splitlines())
        changed = pipeline.reader.changed
        changes = [
            Change(row, values)
            for row, values in some_changes(pipeline.staging, changed, PREVIEW_ROWS)
        ]
        return _preview(job, pipeline, counts=counts, changes=changes)


def queue_import(
    file: "File[bytes]", request: ImportRequest, *, user: Any
) -> ImportRun:
    """Keep an uploaded file for a worker: ``init_db --queued`` or ``--run``."""
    ledger.check_ledger(request.using)
    run = ImportRun(
        status=ImportRun.Status.QUEUED,
        user=user,
        file_name=Path(file.name or "").name[-255:],
        file_size=file.size,
        table=find_target(request.table, request.using).table,
        mode=request.mode,
        request=request.as_json(),
    )
    run.upload.save(run.file_name, file, save=False)
    path = Path(run.upload.path)
    try:
        with _opened(path, request, Progress(), name=run.file_name) as job:
            run.sheet = job.sheet.name
            run.sha256 = ledger.describe(path)["sha256"]
            if not request.force:
                ledger.check_not_done(run, request.using)
        run.save(using=request.using)
    except BaseException:
        run.upload.delete(save=False)
        raise
    return run


def run_import(run: ImportRun, *, progress: Progress | None = None) -> Report:
    """Do a queued import, or one that was interrupted; then remove its file.

    Faulty rows are kept in ``run.rejects``, counts and problems in ``run.report``.
    """
    request = ImportRequest.from_json(run.request)
    # Its file goes with its success.
    ledger.check_waiting(run, request.using)
    path = Path(run.upload.path)
    progress = NotedProgress(run, request.using, progress or Progress())
    reject = partial(_keep_rejects, run, path, request)
    try:
        with _opened(path, request, progress, name=run.file_name, reject=reject) as job:
            report = _perform(job, run)
    except (ledger.Busy, ledger.NotWaiting):
        raise
    except ImportFailed as failure:
        ledger.refuse(run, _summary(failure), request.using)
        raise
    run.upload.delete(save=False)
    run.save(using=request.using, update_fields=["upload"])
    return report


def _keep_rejects(
    run: ImportRun,
    path: Path,
    request: ImportRequest,
    header: Header,
    problems: Problems,
) -> None:
    name = run.upload.storage.get_available_name(f"rejects-{run.pk}.xlsx")
    file = Path(run.upload.storage.path(name))
    rejecting(file, path, request)(header, problems)
    run.rejects.name = name if file.exists() else ""


@dataclass(frozen=True)
class _Job:
    """An open file and the table it is for."""

    request: ImportRequest
    target: Target
    sheet: Sheet
    problems: Problems
    progress: Progress
    reject: Reject | None

    def pipeline(self, connection: Any, *, shown_rows: int = 0) -> Pipeline:
        return Pipeline(
            self.target,
            self.sheet,
            self.request,
            self.problems,
            connection,
            self.progress,
            shown_rows=shown_rows,
            reject=self.reject,
        )


@contextmanager
def _opened(
    path: Path,
    request: ImportRequest,
    progress: Progress,
    *,
    name: str = "",
    reject: Reject | None = None,
) -> Iterator[_Job]:
    target = find_target(request.table, request.using)
    with open_source(path, encoding=request.encoding, name=name) as source:
        sheet = source.sheet(request.sheet)
        problems = Problems(
            name or path.name,
            sheet.name,
            limit=request.max_problems,
            listener=progress.problem,
        )
        yield _Job(request, target, sheet, problems, progress, reject)


def _new_run(job: _Job, path: Path, *, user: Any) -> ImportRun:
    return ImportRun(
        **ledger.describe(path),
        user=user,
        table=job.target.table,
        sheet=job.sheet.name,
        mode=job.request.mode,
        request=job.request.as_json(),
    )


def _rehearse(job: _Job) -> Report:
    """Do everything but the merge: the staging table is nobody else's business."""
    start = time.monotonic()
    with (
        import_connection(job.request.using) as connection,
        job.pipeline(connection) as pipeline,
    ):
        counts = pipeline.prepare()
        seconds = time.monotonic() - start
        return pipeline.report(counts, dry_run=True, seconds=seconds)


def _perform(job: _Job, run: ImportRun) -> Report:
    start = time.monotonic()
    using = job.request.using
    with import_connection(using) as connection:
        try:
            with table_lock(connection, job.target.table):
                if not job.request.force:
                    ledger.check_not_done(run, using)
                ledger.start(run, using)
                with job.pipeline(connection) as pipeline:
                    return _run_pipeline(run, pipeline, start)
        except TableBusy:
            raise ledger.busy(job.target) from None


def _run_pipeline(run: ImportRun, pipeline: Pipeline, start: float) -> Report:
    using = pipeline.request.using
    report = partial(pipeline.report, dry_run=False)
    counts = Counts()
    try:
        counts = pipeline.prepare()

        def finish() -> None:
            done = report(counts, seconds=time.monotonic() - start)
            _keep_report(run, done)
            ledger.finish(run, done, using)

        pipeline.merge(counts, finish)
    except BaseException as error:
        failed = report(Counts(), seconds=time.monotonic() - start)
        _keep_report(run, failed)
        is_cancelled = isinstance(error, KeyboardInterrupt)
        status = ImportRun.Status.CANCELLED if is_cancelled else ImportRun.Status.FAILED
        if ledger.abandon(run, status, _summary(error), failed, using):
            raise
        # COMMIT succeeded and its answer was lost: the ledger came with the data.
        connections[using].close_if_unusable_or_obsolete()
        _keep_report(run, report(counts, seconds=time.monotonic() - start))
    return report(counts, seconds=time.monotonic() - start)


def _keep_report(run: ImportRun, report: Report) -> None:
    """Keep the report of an upload; others are written where the caller wants them."""
    if run.upload:
        name = f"report-{run.pk}.json"
        content = json.dumps(report.as_json(), ensure_ascii=False, indent=2)
        Path(run.upload.storage.path(name)).write_text(content + "\n")
        run.report.name = name


def _preview(job: _Job, pipeline: Pipeline, **found: Any) -> Preview:
    header, reader = pipeline.header, pipeline.reader
    wrong: dict[int, list[Any]] = {}
    for problem in job.problems:
        wrong.setdefault(problem.row or 0, []).append(problem)
    columns = sorted(header.columns, key=lambda column: column.index)
    return Preview(
        table=job.target.label,
        sheet=job.sheet.name,
        columns=[
            PreviewColumn(column_letter(column.index), column.header, column.field.name)
            for column in columns
        ],
        rows=[
            PreviewRow(
                row.number,
                [row.cells.get(column.index) for column in columns],
                wrong.get(row.number, []),
            )
            for row in pipeline.first_rows
        ],
        rows_read=reader.read,
        rows_blank=reader.blank_rows,
        problems=list(job.problems),
        **found,
    )


def _summary(error: BaseException) -> str:
    """Say what stopped an import without values of the file."""
    if isinstance(error, KeyboardInterrupt):
        return _("cancelled; nothing was written")
    if isinstance(error, ImportFailed):
        return str(error).splitlines()[-1] if error.problems else str(error)
    return f"{type(error).__name__}: {str(error)[:500]}"

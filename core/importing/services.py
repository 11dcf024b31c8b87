"""Imports as callers ask for them: now, as a preview, or later by a worker."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from django.db import connections
from django.utils.translation import gettext as _

from core.importing.errors import ImportFailed, Problems
from core.importing.loading.connections import import_connection
from core.importing.merging.changes import Counts
from core.importing.models import ImportRun
from core.importing.pipeline import Pipeline
from core.importing.progress import Progress
from core.importing.reading import Sheet, open_source
from core.importing.report import Report
from core.importing.request import ImportRequest
from core.importing.runs import ledger
from core.importing.runs.lock import TableBusy, table_lock
from core.importing.targets.target import Target, find_target


def import_workbook(
    path: Path,
    table: str,
    *,
    dry_run: bool = False,
    force: bool = False,
    user: Any = None,
    progress: Progress | None = None,
    **choices: Any,
) -> Report:
    """Import a sheet into a table, or raise ``ImportFailed`` and write nothing.

    ``table`` is the name of a table or the label of a model; ``choices`` are the
    attributes of ``ImportRequest``. After the commit ``core.signals.table_imported``
    is sent. ``force`` imports a file that was imported before.
    """
    request = ImportRequest(table, **choices)
    progress = progress or Progress()
    with _opened(path, request, progress) as (target, sheet, problems):
        if dry_run:
            return _rehearse(target, sheet, request, problems, progress)
        ledger.check_ledger(request.using)
        run = _new_run(path, target, sheet, request, user)
        if not force:
            ledger.check_not_done(run, request.using)
        return _perform(run, target, sheet, request, problems, progress)


@contextmanager
def _opened(
    path: Path, request: ImportRequest, progress: Progress, *, name: str = ""
) -> Iterator[tuple[Target, Sheet, Problems]]:
    target = find_target(request.table, request.using)
    with open_source(path, encoding=request.encoding) as source:
        sheet = source.sheet(request.sheet)
        problems = Problems(
            name or path.name,
            sheet.name,
            limit=request.max_problems,
            listener=progress.problem,
        )
        yield target, sheet, problems


def _new_run(
    path: Path, target: Target, sheet: Sheet, request: ImportRequest, user: Any
) -> ImportRun:
    return ImportRun(
        **ledger.describe(path),
        user=user,
        table=target.table,
        sheet=sheet.name,
        mode=request.mode,
        request=request.as_json(),
    )


def _rehearse(
    target: Target,
    sheet: Sheet,
    request: ImportRequest,
    problems: Problems,
    progress: Progress,
) -> Report:
    """Do everything but the merge: the staging table is nobody else's business."""
    start = time.monotonic()
    with (
        import_connection(request.using) as connection,
        Pipeline(target, sheet, request, problems, connection, progress) as pipeline,
    ):
        counts = pipeline.prepare()
        seconds = time.monotonic() - start
        return pipeline.report(counts, dry_run=True, seconds=seconds)


def _perform(
    run: ImportRun,
    target: Target,
    sheet: Sheet,
    request: ImportRequest,
    problems: Problems,
    progress: Progress,
) -> Report:
    start = time.monotonic()
    with import_connection(request.using) as connection:
        try:
            with table_lock(connection, target.table):
                ledger.start(run, request.using)
                with Pipeline(
                    target, sheet, request, problems, connection, progress
                ) as pipeline:
                    return _run_pipeline(run, pipeline, start)
        except TableBusy:
            raise ledger.busy(target) from None


def _run_pipeline(run: ImportRun, pipeline: Pipeline, start: float) -> Report:
    using = pipeline.request.using
    report = partial(pipeline.report, dry_run=False)
    try:
        counts = pipeline.prepare()

        def finish() -> None:
            done = report(counts, seconds=time.monotonic() - start)
            ledger.finish(run, done, using)

        pipeline.merge(counts, finish)
    except BaseException as error:
        failed = report(Counts(), seconds=time.monotonic() - start)
        is_cancelled = isinstance(error, KeyboardInterrupt)
        status = ImportRun.Status.CANCELLED if is_cancelled else ImportRun.Status.FAILED
        if ledger.abandon(run, status, _summary(error), failed, using):
            raise
        # COMMIT succeeded and its answer was lost: the ledger came with the data.
        connections[using].close_if_unusable_or_obsolete()
    return report(counts, seconds=time.monotonic() - start)


def _summary(error: BaseException) -> str:
    """Say what stopped an import without values of the file."""
    if isinstance(error, KeyboardInterrupt):
        return _("cancelled; nothing was written")
    if isinstance(error, ImportFailed) and error.problems:
        return str(error).splitlines()[-1]
    return f"{type(error).__name__}: {str(error)[:500]}"

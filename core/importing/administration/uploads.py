"""Uploaded files from their arrival until they are imported, given up or forgotten."""

from datetime import timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.files import File
from django.db import DEFAULT_DB_ALIAS
from django.db.models import F, Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from core.importing.models import ImportRun, remove_files
from core.importing.reading import SheetInfo, open_source
from core.importing.request import ImportRequest
from core.importing.runs import ledger
from core.importing.targets.target import find_target

# So few that the request in which they are removed stays short.
RUNS_PER_CLEANING = 100
Status = ImportRun.Status


def receive_upload(file: "File[bytes]", table: str, *, user: Any) -> ImportRun:
    """Keep a file until its import is confirmed, or raise ``ImportFailed``."""
    target = find_target(table, DEFAULT_DB_ALIAS)
    request = ImportRequest(target.label)
    run = ImportRun(
        status=Status.UPLOADED,
        user=user,
        file_name=Path(file.name or "").name[-255:],
        file_size=file.size,
        table=target.table,
        mode=request.mode,
        request=request.as_json(),
    )
    run.upload.save(run.file_name, file, save=False)
    try:
        sheets(run)
        run.sha256 = ledger.describe(Path(run.upload.path))["sha256"]
        run.save()
    except BaseException:
        run.upload.delete(save=False)
        raise
    return run


def sheets(run: ImportRun) -> tuple[SheetInfo, ...]:
    with open_source(Path(run.upload.path), name=run.file_name) as source:
        return source.sheets


def choose(run: ImportRun, request: ImportRequest, *, sheet: str) -> bool:
    """Note what is asked for, of which nobody has seen a preview yet.

    Give False if it is too late for that.
    """
    return _move(
        run,
        Q(status=Status.UPLOADED),
        mode=request.mode,
        sheet=sheet,
        request=request.as_json(),
        rows_expected=0,
    )


def note_preview(run: ImportRun, *, rows: int) -> bool:
    return _move(run, Q(status=Status.UPLOADED), rows_expected=rows)


def confirm(run: ImportRun, *, again: bool) -> bool:
    """Let the import begin, once, and only if what is asked for was seen.

    A compare-and-set: of several requests for one run, the database lets one find
    it uploaded and makes it queued in the same statement.
    """
    request = {**run.request, "force": again}
    is_seen = Q(status=Status.UPLOADED, rows_expected__gt=0)
    return _move(run, is_seen, status=Status.QUEUED, request=request)


def cancel(run: ImportRun) -> bool:
    """Give up an import that has not begun; give False if it has."""
    return _move(
        run,
        Q(status__in=[Status.UPLOADED, Status.QUEUED]),
        status=Status.CANCELLED,
        finished_at=timezone.now(),
    )


def _move(run: ImportRun, condition: Q, **values: object) -> bool:
    is_ours = bool(ImportRun.objects.filter(condition, pk=run.pk).update(**values))
    run.refresh_from_db()
    return is_ours


def forget_old_uploads() -> None:
    """Remove the files of imports that ended, or were left waiting, long ago."""
    limit = timezone.now() - timedelta(days=settings.IMPORTING_KEEP_DAYS)
    ImportRun.objects.filter(status=Status.UPLOADED, created_at__lt=limit).update(
        status=Status.CANCELLED,
        finished_at=F("created_at"),
        message=_("not confirmed in time; nothing was written"),
    )
    for run in _with_files(limit)[:RUNS_PER_CLEANING]:
        remove_files(run)
        run.save(update_fields=["upload", "rejects", "report"])


def _with_files(limit: object) -> QuerySet[ImportRun]:
    ended = [Status.DONE, Status.FAILED, Status.CANCELLED]
    old = ImportRun.objects.filter(status__in=ended, finished_at__lt=limit)
    return old.exclude(upload="", rejects="", report="").order_by("pk")

"""Writing the ledger."""

import hashlib
import logging
import os
import socket
from pathlib import Path
from typing import Any

from django.db import DatabaseError, connections
from django.utils import timezone
from django.utils.translation import gettext as _

from core.importing.errors import ImportFailed
from core.importing.models import ImportRun
from core.importing.report import Report
from core.importing.targets.target import Target

HASHED_BYTES = 1024 * 1024

logger = logging.getLogger(__name__)


def describe(path: Path, *, name: str = "") -> dict[str, Any]:
    """Give what the ledger keeps of a file."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        size = file.seek(0, os.SEEK_END)
    return {
        "file_name": (name or path.name)[-255:],
        "file_size": size,
        "sha256": digest,
    }


def check_ledger(using: str) -> None:
    connection = connections[using]
    if ImportRun._meta.db_table not in connection.introspection.table_names():
        raise ImportFailed(
            _(
                'The database "%(database)s" has no table %(table)s; run '
                '"manage.py migrate" first.'
            )
            % {"database": using, "table": ImportRun._meta.db_table}
        )


def earlier_run(run: ImportRun, using: str) -> ImportRun | None:
    """Give the run that imported the same file into the table in the same way."""
    same = ImportRun.objects.using(using).filter(
        status=ImportRun.Status.DONE,
        sha256=run.sha256,
        table=run.table,
        sheet=run.sheet,
        mode=run.mode,
    )
    # A few rows that were tried first are not the file.
    whole = (done for done in same if done.request["stop_after"] is None)
    return next(whole, None)


def check_not_done(run: ImportRun, using: str) -> None:
    """Refuse a file that was imported into the table in this way already."""
    done = earlier_run(run, using)
    if done and done.finished_at:
        raise ImportFailed(
            _(
                "%(file)s, sheet %(sheet)s was imported into %(table)s already (run "
                "%(run)s, %(time)s); use --force to import it again."
            )
            % {
                "file": run.file_name,
                "sheet": run.sheet,
                "table": run.table,
                "run": done.pk,
                "time": timezone.localtime(done.finished_at).strftime("%Y-%m-%d %H:%M"),
            }
        )


class NotWaiting(ImportFailed):
    """The run was done or given up already, perhaps a moment ago: nothing to do."""


class Busy(ImportFailed):
    """Another import is at work in the table: this one has not begun."""


def busy(target: Target) -> Busy:
    """Make the failure that names the import which has the lock."""
    running = ImportRun.objects.using(target.using).filter(
        status=ImportRun.Status.RUNNING
    )
    if connections[target.using].vendor == "mysql":
        running = running.filter(table=target.table)  # SQLite has one lock for all
    other = running.order_by("-started_at").first()
    if other is None:
        message = _("Another import into %(table)s is running; try again when it ends.")
    else:
        message = _(
            "Another import into %(table)s is running (run %(run)s on %(host)s, process "
            "%(pid)s); try again when it ends."
        )
    parts = {"run": other.pk, "host": other.host, "pid": other.pid} if other else {}
    return Busy(message % {"table": target.table, **parts})


def refuse(run: ImportRun, message: str, using: str) -> None:
    """Write that a queued run could not even begin."""
    waiting = ImportRun.objects.using(using).filter(pk=run.pk)
    waiting.filter(status=ImportRun.Status.QUEUED).update(
        status=ImportRun.Status.FAILED, message=message, finished_at=timezone.now()
    )


def check_waiting(run: ImportRun, using: str) -> None:
    run.refresh_from_db(using=using)
    if run.status not in {ImportRun.Status.QUEUED, ImportRun.Status.RUNNING}:
        raise NotWaiting(
            _("Run %(run)s is %(status)s; expected a queued one.")
            % {"run": run.pk, "status": run.get_status_display()}
        )


def start(run: ImportRun, using: str) -> None:
    """Write that the run is running; call with the table's lock.

    With the lock, a run that is said to be running is one that was interrupted.
    """
    if run.pk is not None:
        check_waiting(run, using)
    _close_interrupted(run, using)
    run.status = ImportRun.Status.RUNNING
    run.host, run.pid = socket.gethostname()[:100], os.getpid()
    run.started_at = timezone.now()
    run.save(using=using)


def finish(run: ImportRun, report: Report, using: str) -> None:
    """Write that the run is done; call in the transaction that writes the data."""
    run.status = ImportRun.Status.DONE
    _end(run, report, str(report), using)
    run.save(using=using)


def abandon(
    run: ImportRun, status: ImportRun.Status, message: str, report: Report, using: str
) -> bool:
    """Write that nothing was imported; give False if the ledger says it was.

    That is the case if COMMIT succeeded and its answer was lost.
    """
    run.status = status
    _end(run, report, message, using)
    stored = ImportRun.objects.using(using).filter(pk=run.pk)
    try:
        values = {name: getattr(run, name) for name in _ENDED}
        is_ours = stored.filter(status=ImportRun.Status.RUNNING).update(**values)
        return bool(is_ours) or not stored.filter(status=ImportRun.Status.DONE).exists()
    except DatabaseError:
        # Its lock is free: everybody sees that it was interrupted.
        logger.warning("import run %s: its end could not be written", run.pk)
        return True


_ENDED = [
    "status",
    "finished_at",
    "message",
    "rows_read",
    "rows_blank",
    "rows_inserted",
    "rows_updated",
    "rows_unchanged",
    "rows_deleted",
    "rows_rejected",
    "rejects",
    "report",
]


def _end(run: ImportRun, report: Report, message: str, using: str) -> None:
    run.finished_at = timezone.now()
    run.message = message
    run.rows_read, run.rows_blank = report.read, report.blank_rows
    run.rows_rejected = report.rejected
    run.rows_inserted = report.counts.inserted
    run.rows_updated = report.counts.updated
    run.rows_unchanged = report.counts.unchanged
    run.rows_deleted = report.counts.deleted


def _close_interrupted(run: ImportRun, using: str) -> None:
    """Write the truth about earlier runs: this process has the lock they had."""
    earlier = ImportRun.objects.using(using).filter(status=ImportRun.Status.RUNNING)
    if connections[using].vendor == "mysql":
        earlier = earlier.filter(table=run.table)
    earlier.exclude(pk=run.pk).update(
        status=ImportRun.Status.FAILED,
        finished_at=timezone.now(),
        message=_("interrupted; nothing was written"),
    )

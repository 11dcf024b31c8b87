"""The way of an upload: options, columns, preview, confirmation, the run's page.

Each step takes the run by its key alone; what was asked for is in the ledger. Whose
run it is and what its user may do with the table is checked at every step.
"""

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import TYPE_CHECKING, Any, TypeAlias

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import DEFAULT_DB_ALIAS
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _

from core.importing.administration import uploads
from core.importing.administration.changelists import importable
from core.importing.administration.downloads import download
from core.importing.administration.forms import ColumnsForm, OptionsForm, UploadForm
from core.importing.administration.previews import PreviewPage
from core.importing.administration.sheets import read_start
from core.importing.errors import ImportFailed
from core.importing.models import ImportRun
from core.importing.request import ImportRequest, Mode
from core.importing.runs import ledger
from core.importing.services import preview_import, run_import
from core.importing.targets.target import find_target
from core.importing.template import write_template_for

if TYPE_CHECKING:
    from core.importing.admin import ImportRunAdmin

Status = ImportRun.Status
Response: TypeAlias = HttpResponse | FileResponse
Step: TypeAlias = Callable[["ImportRunAdmin", HttpRequest, ImportRun], Response]
View: TypeAlias = Callable[["ImportRunAdmin", HttpRequest, int], Response]


def of_own_run(step: Step) -> View:
    """Find the run among those that the user may see."""

    @wraps(step)
    def view(admin: "ImportRunAdmin", request: HttpRequest, pk: int) -> Response:
        run = admin.get_queryset(request).filter(pk=pk).first()
        if run is None:
            raise Http404
        return step(admin, request, run)

    return view


def before_confirmation(step: Step) -> View:
    """Let an import be prepared only until it is confirmed, by who may import."""

    @wraps(step)
    def checked(
        admin: "ImportRunAdmin", request: HttpRequest, run: ImportRun
    ) -> Response:
        if run.status != Status.UPLOADED:
            return redirect(admin.url("change", run))
        _modes(admin, request, run)
        try:
            return step(admin, request, run)
        except ImportFailed as failure:  # its file or its table is gone
            admin.message_user(request, str(failure), messages.ERROR)
            return redirect(admin.list_url())

    return of_own_run(checked)


def upload(admin: "ImportRunAdmin", request: HttpRequest) -> HttpResponse:
    admins = importable(admin.admin_site, request)
    if not admins:
        raise PermissionDenied
    form = UploadForm(
        admins,
        request.POST or None,
        request.FILES or None,
        initial={"table": request.GET.get("table")},
    )
    if request.method == "POST" and form.is_valid():
        uploads.forget_old_uploads()
        try:
            run = uploads.receive_upload(
                form.cleaned_data["file"], form.cleaned_data["table"], user=request.user
            )
        except ImportFailed as failure:
            form.add_error("file", str(failure))
        else:
            return redirect(admin.url("options", run))
    return admin.page(request, "upload", form=form, admins=admins)


@before_confirmation
def options(
    admin: "ImportRunAdmin", request: HttpRequest, run: ImportRun
) -> HttpResponse:
    asked = ImportRequest.from_json(run.request)
    target = find_target(asked.table, asked.using)
    initial = {**run.request, "sheet": run.sheet, "key": ",".join(asked.key)}
    modes = _modes(admin, request, run)
    form = OptionsForm(
        uploads.sheets(run), modes, target, request.POST or None, initial=initial
    )
    if not (request.method == "POST" and form.is_valid()):
        return admin.page(request, "options", run, form=form)
    new = _with_options(asked, form.cleaned_data)
    uploads.choose(run, new, sheet=form.cleaned_data["sheet"])
    try:
        start = read_start(run, new, target)
    except ImportFailed as failure:
        form.add_error("sheet", str(failure))
        return admin.page(request, "options", run, form=form)
    next_step = "preview" if start.is_understood else "columns"
    return redirect(admin.url(next_step, run))


def _with_options(asked: ImportRequest, chosen: dict[str, Any]) -> ImportRequest:
    """Change the request; what was said of columns is that of one header."""
    header = (chosen["sheet"], chosen["header_row"])
    is_same_header = header == (asked.sheet, asked.header_row)
    return ImportRequest(
        asked.table,
        mode=Mode(chosen["mode"]),
        key=tuple(chosen["key"].split(",")) if chosen["key"] else (),
        sheet=chosen["sheet"],
        header_row=chosen["header_row"],
        skip_hidden=chosen["skip_hidden"],
        skip_faulty=chosen["skip_faulty"],
        mapping=asked.mapping if is_same_header else {},
        constants=asked.constants if is_same_header else {},
    )


@before_confirmation
def columns(
    admin: "ImportRunAdmin", request: HttpRequest, run: ImportRun
) -> HttpResponse:
    asked = ImportRequest.from_json(run.request)
    try:
        start = read_start(run, asked, find_target(asked.table, asked.using))
    except ImportFailed as failure:
        admin.message_user(request, str(failure), messages.ERROR)
        return redirect(admin.url("options", run))
    form = ColumnsForm(start, request.POST or None)
    if request.method == "POST" and form.is_valid():
        new = {"mapping": form.mapping(), "constants": form.constants()}
        stored = ImportRequest.from_json({**run.request, **new})
        uploads.choose(run, stored, sheet=run.sheet)
        return redirect(admin.url("preview", run))
    return admin.page(request, "columns", run, form=form)


@before_confirmation
def preview(
    admin: "ImportRunAdmin", request: HttpRequest, run: ImportRun
) -> HttpResponse:
    asked = ImportRequest.from_json(run.request)
    path = Path(run.upload.path)
    try:
        found = preview_import(path, asked, name=run.file_name)
    except ImportFailed as failure:
        sentences = str(failure).splitlines()
        return admin.page(request, "preview", run, sentences=sentences)
    uploads.note_preview(run, rows=found.rows_read)
    return admin.page(
        request,
        "preview",
        run,
        preview=PreviewPage(found, find_target(asked.table, asked.using)),
        earlier=ledger.earlier_run(run, asked.using),
        is_large=found.rows_read > settings.IMPORTING_ROWS_AT_ONCE,
        mode=asked.mode,
        skip_faulty=asked.skip_faulty,
    )


@of_own_run
def confirm(
    admin: "ImportRunAdmin", request: HttpRequest, run: ImportRun
) -> HttpResponse:
    if not _may_run(admin, request, run):
        return _refused(admin, request, run)
    if not uploads.confirm(run, again="again" in request.POST):
        _say_why_not_confirmed(admin, request, run)
    elif run.rows_expected <= settings.IMPORTING_ROWS_AT_ONCE:
        _perform(admin, request, run)
    return redirect(admin.url("change", run))


@of_own_run
def start(
    admin: "ImportRunAdmin", request: HttpRequest, run: ImportRun
) -> HttpResponse:
    """Do now what waits, or what was interrupted."""
    if not _may_run(admin, request, run):
        return _refused(admin, request, run)
    if admin.can_start(run):
        _perform(admin, request, run)
    return redirect(admin.url("change", run))


@of_own_run
def cancel(
    admin: "ImportRunAdmin", request: HttpRequest, run: ImportRun
) -> HttpResponse:
    if not uploads.cancel(run):
        text = _("Run %(run)s has begun already and cannot be cancelled.")
        admin.message_user(request, text % {"run": run.pk}, messages.WARNING)
    return redirect(admin.url("change", run))


@of_own_run
def run_page(
    admin: "ImportRunAdmin", request: HttpRequest, run: ImportRun
) -> HttpResponse:
    if run.status == Status.UPLOADED:
        return redirect(admin.url("preview" if run.sheet else "options", run))
    is_running = run.status == Status.RUNNING and not run.is_interrupted
    return admin.page(
        request,
        "run",
        run,
        state=admin.state(run),
        mode=Mode(run.mode),
        is_alive=is_running or run.status == Status.QUEUED,
        is_running=is_running,
        can_start=admin.can_start(run),
        can_cancel=run.status == Status.QUEUED,
    )


@of_own_run
def rejects(
    admin: "ImportRunAdmin", request: HttpRequest, run: ImportRun
) -> FileResponse:
    return _file_of(run, run.rejects, "xlsx")


@of_own_run
def report(
    admin: "ImportRunAdmin", request: HttpRequest, run: ImportRun
) -> FileResponse:
    return _file_of(run, run.report, "json")


def template(admin: "ImportRunAdmin", request: HttpRequest, table: str) -> FileResponse:
    """Send an empty workbook to fill in."""
    for model_admin in importable(admin.admin_site, request):
        if model_admin.opts.label == table:
            # Closed by the response, and removed with that.
            file = NamedTemporaryFile(suffix=".xlsx")  # noqa: SIM115
            write_template_for(table, Path(file.name), using=DEFAULT_DB_ALIAS)
            return download(file, f"{model_admin.opts.model_name}.xlsx")
    raise Http404


def _modes(admin: "ImportRunAdmin", request: HttpRequest, run: ImportRun) -> list[Mode]:
    """List what the user may do with the run's table, or refuse."""
    for model_admin in importable(admin.admin_site, request):
        if model_admin.opts.db_table == run.table:
            return model_admin.import_modes(request)
    raise PermissionDenied


def _may_run(admin: "ImportRunAdmin", request: HttpRequest, run: ImportRun) -> bool:
    try:
        return run.mode in _modes(admin, request, run)
    except PermissionDenied:
        return False


def _refused(
    admin: "ImportRunAdmin", request: HttpRequest, run: ImportRun
) -> HttpResponse:
    text = _("You lack the permission for this import into %(table)s (%(mode)s).")
    parts = {"table": run.table, "mode": Mode(run.mode).label}
    admin.message_user(request, text % parts, messages.ERROR)
    return redirect(admin.url("change", run))


def _say_why_not_confirmed(
    admin: "ImportRunAdmin", request: HttpRequest, run: ImportRun
) -> None:
    if run.status == Status.UPLOADED:
        text = _(
            "Run %(run)s was changed since its preview; look at the new one first."
        )
    else:
        text = _("Run %(run)s was confirmed or cancelled already; it is done once.")
    admin.message_user(request, text % {"run": run.pk}, messages.WARNING)


def _perform(admin: "ImportRunAdmin", request: HttpRequest, run: ImportRun) -> None:
    try:
        run_import(run)
    except (ledger.Busy, ledger.NotWaiting) as failure:
        admin.message_user(request, str(failure), messages.WARNING)
    except ImportFailed as failure:
        admin.message_user(request, str(failure).splitlines()[0], messages.ERROR)


def _file_of(run: ImportRun, file: Any, suffix: str) -> FileResponse:
    if not file or not file.storage.exists(file.name):
        raise Http404
    stem = Path(run.file_name).stem
    return download(file.open("rb"), f"{stem}-{run.pk}.{suffix}")

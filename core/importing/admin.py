from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponseBase
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST

from core.importing.administration.changelists import IMPORT_PERMISSION
from core.importing.models import ImportRun

SHOWING_STEPS = ["options", "columns", "preview", "rejects", "report"]
DOING_STEPS = ["confirm", "start", "cancel"]


@admin.register(ImportRun)
class ImportRunAdmin(admin.ModelAdmin):
    """The ledger of imports, and the steps of a new one."""

    change_list_template = "admin/core_importing/importrun_list.html"
    list_display = [
        "pk",
        "file_name",
        "table",
        "mode",
        "state",
        "user",
        "created_at",
        "rows_inserted",
        "rows_updated",
        "rows_unchanged",
        "rows_deleted",
        "rows_rejected",
    ]
    list_filter = ["status", "table", "created_at"]
    list_select_related = ["user"]
    search_fields = ["file_name"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(
        self, request: HttpRequest, obj: ImportRun | None = None
    ) -> bool:
        return False

    def has_view_permission(
        self, request: HttpRequest, obj: ImportRun | None = None
    ) -> bool:
        may_import = request.user.has_perm(IMPORT_PERMISSION)
        return may_import or super().has_view_permission(request, obj)

    def has_delete_permission(
        self, request: HttpRequest, obj: ImportRun | None = None
    ) -> bool:
        if obj and obj.status == ImportRun.Status.RUNNING and not obj.is_interrupted:
            return False
        return super().has_delete_permission(request, obj)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def get_queryset(self, request: HttpRequest) -> QuerySet[ImportRun]:
        runs: QuerySet[ImportRun] = super().get_queryset(request)
        return runs if request.user.is_superuser else runs.filter(user=request.user.pk)

    @admin.display(description=_("state"), ordering="status")
    def state(self, run: ImportRun) -> str:
        if run.is_interrupted:
            return str(_("interrupted; nothing was written"))
        return run.get_status_display()

    def can_start(self, run: ImportRun) -> bool:
        """Tell whether a request may do what waits or was interrupted."""
        waits = run.status == ImportRun.Status.QUEUED
        is_small = run.rows_expected <= settings.IMPORTING_ROWS_AT_ONCE
        return is_small and (waits or run.is_interrupted)

    def get_urls(self) -> list[URLPattern]:
        own = [
            path("upload/", self._step("upload"), name=self._name("upload")),
            path(
                "template/<str:table>/", self._step("template"), name="import_template"
            ),
            path("<int:pk>/change/", self._step("run_page"), name=self._name("change")),
        ]
        for step in SHOWING_STEPS:
            own.append(self._path(step, self._step(step)))
        for step in DOING_STEPS:
            own.append(self._path(step, require_POST(self._step(step))))
        return own + super().get_urls()

    def url(self, step: str, run: ImportRun) -> str:
        return reverse(f"{self.admin_site.name}:{self._name(step)}", args=[run.pk])

    def list_url(self) -> str:
        return reverse(f"{self.admin_site.name}:{self._name('changelist')}")

    def page(
        self,
        request: HttpRequest,
        step: str,
        run: ImportRun | None = None,
        **context: Any,
    ) -> TemplateResponse:
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "run": run,
            **context,
        }
        template = f"admin/core_importing/{step}.html"
        return TemplateResponse(request, template, context)

    def _path(self, step: str, view: Callable[..., HttpResponseBase]) -> URLPattern:
        return path(f"<int:pk>/{step}/", view, name=self._name(step))

    def _name(self, step: str) -> str:
        return f"{self.opts.app_label}_{self.opts.model_name}_{step}"

    def _step(self, name: str) -> Callable[..., HttpResponseBase]:
        def view(request: HttpRequest, **arguments: Any) -> HttpResponseBase:
            # openpyxl and the reader: loaded by processes that need them.
            from core.importing.administration import steps

            response: HttpResponseBase = getattr(steps, name)(
                self, request, **arguments
            )
            return response

        return self.admin_site.admin_view(view)

"""What a model's administration gets: a button "Import", an action "Export"."""

from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.options import IS_POPUP_VAR
from django.contrib.admin.utils import flatten_fieldsets
from django.db.models import QuerySet
from django.http import FileResponse, HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _

from core.importing.request import Mode

IMPORT_PERMISSION = "core_importing.import_table"


class ImportExportAdmin(admin.ModelAdmin):
    """Lets editors import into the model, and export what they may see."""

    change_list_template = "admin/core_importing/change_list.html"

    def import_modes(self, request: HttpRequest) -> list[Mode]:
        """List what the user may do with rows of this model by an import."""
        if not request.user.has_perm(IMPORT_PERMISSION):
            return []
        may_add = self.has_add_permission(request)
        may_change = self.has_change_permission(request)
        may_delete = self.has_delete_permission(request)
        allowed = {
            Mode.INSERT: may_add,
            Mode.INSERT_NEW: may_add,
            Mode.UPDATE: may_change,
            Mode.UPSERT: may_add and may_change,
            Mode.REPLACE: may_add and may_delete,
        }
        return [mode for mode, is_allowed in allowed.items() if is_allowed]

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        context = {
            "import_label": self.opts.label if self.import_modes(request) else "",
            **(extra_context or {}),
        }
        return super().changelist_view(request, context)

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        actions = super().get_actions(request)
        if self.has_view_permission(request) and IS_POPUP_VAR not in request.GET:
            actions["export_selected"] = self.get_action("export_selected")
        return actions

    @admin.action(description=_("Export selected %(verbose_name_plural)s as .xlsx"))
    def export_selected(
        self, request: HttpRequest, rows: QuerySet[Any]
    ) -> FileResponse | None:
        # openpyxl: loaded by processes that need it.
        from core.importing.administration import exports

        fields = flatten_fieldsets(self.get_fieldsets(request, rows.first()))
        try:
            return exports.export_response(rows, viewable=fields)
        except exports.ExportFailed as failure:
            self.message_user(request, str(failure), messages.ERROR)
            return None


def importable(site: admin.AdminSite, request: HttpRequest) -> list[ImportExportAdmin]:
    """List the models' administrations that let the user import something."""
    admins = [
        model_admin
        for model_admin in site._registry.values()
        if isinstance(model_admin, ImportExportAdmin)
    ]
    return [model_admin for model_admin in admins if model_admin.import_modes(request)]

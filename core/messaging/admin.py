from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from django.views.decorators.clickjacking import xframe_options_sameorigin

from core.messaging.models import Message
from core.messaging.outbox import cancel, send_again
from core.messaging.statistics import counts_by_day

# The HTML of a message is shown as a mail program shows it: its styles, but no
# script, nothing of this site, and no picture that tells its sender who looks.
PREVIEW_POLICY = (
    "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; "
    "frame-ancestors 'self'"
)


@admin.register(Message)
class MessageAdmin(admin.ModelAdmin):
    """Shows messages to whoever may view them; who may change them sends again."""

    list_display = [
        "recipient",
        "channel",
        "template",
        "status",
        "attempts",
        "created_at",
        "sent_at",
    ]
    list_filter = ["channel", "status", "created_at", "template"]
    list_per_page = 50
    show_full_result_count = False
    search_fields = ["to", "dedupe_key", "provider_id"]
    search_help_text = _("Searches recipient, keys and the id of the message.")
    actions = ["send_again", "cancel"]
    fieldsets = [
        (None, {"fields": ["channel", "to", "subject", "body", "preview"]}),
        (
            _("Delivery"),
            {
                "fields": [
                    "status",
                    "attempts",
                    "not_before",
                    "sent_at",
                    "last_error",
                    "provider_id",
                ]
            },
        ),
        (
            _("Origin"),
            {
                "fields": [
                    "template",
                    "language",
                    "context",
                    "dedupe_key",
                    "uuid",
                    "created_at",
                ]
            },
        ),
    ]
    readonly_fields = ["preview"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(
        self, request: HttpRequest, obj: Message | None = None
    ) -> bool:
        # What is stored is what was sent, or will be.
        return False

    def has_delete_permission(
        self, request: HttpRequest, obj: Message | None = None
    ) -> bool:
        return False

    def has_resend_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("core_messaging.change_message")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Message], search_term: str
    ) -> tuple[QuerySet[Message], bool]:
        try:
            return queryset.filter(uuid=UUID(search_term.strip())), False
        except ValueError:
            return super().get_search_results(request, queryset, search_term)

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        statistics = counts_by_day(self.get_queryset(request))
        context = {"statistics": statistics, **(extra_context or {})}
        response: HttpResponse = super().changelist_view(request, context)
        return response

    def get_urls(self) -> list[URLPattern]:
        preview = self.admin_site.admin_view(self.preview_view)
        name = "core_messaging_message_preview"
        return [path("<int:pk>/preview/", preview, name=name), *super().get_urls()]

    def preview_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        message = get_object_or_404(self.get_queryset(request), pk=pk)
        if not self.has_view_permission(request, message) or not message.html:
            raise Http404
        return html_of(request, message)

    @admin.display(description=_("recipient"), ordering="to")
    def recipient(self, message: Message) -> str:
        return message.masked_to

    @admin.display(description=_("HTML"))
    def preview(self, message: Message) -> str:
        if not message.html:
            return "–"
        return format_html(
            '<iframe src="{}" sandbox width="100%" height="480" title="{}"></iframe>',
            reverse("admin:core_messaging_message_preview", args=[message.pk]),
            message.subject,
        )

    @admin.action(description=_("Send again"), permissions=["resend"])
    def send_again(self, request: HttpRequest, selected: QuerySet[Message]) -> None:
        count = send_again(selected)
        text = ngettext(
            "%d message will be sent again.", "%d messages will be sent again.", count
        )
        self._report(request, text, count)

    @admin.action(description=_("Cancel"), permissions=["resend"])
    def cancel(self, request: HttpRequest, selected: QuerySet[Message]) -> None:
        count = cancel(selected)
        text = ngettext("%d message cancelled.", "%d messages cancelled.", count)
        self._report(request, text, count)

    def _report(self, request: HttpRequest, text: str, count: int) -> None:
        level = messages.SUCCESS if count else messages.WARNING
        self.message_user(request, text % count, level)


@xframe_options_sameorigin
def html_of(request: HttpRequest, message: Message) -> HttpResponse:
    response = HttpResponse(message.html)
    response["Content-Security-Policy"] = PREVIEW_POLICY
    return response

from typing import Any

from django.contrib import admin, messages
from django.contrib.auth import get_user_model
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from core.sessions import rows
from core.sessions.models import Session


@admin.register(Session)
class SessionAdmin(admin.ModelAdmin):
    """Who is logged in where. What a session holds is nobody's business here."""

    list_display = ["device", "of_user", "ip", "created_at", "last_seen", "expire_date"]
    list_display_links = None
    list_select_related = ["user"]
    list_filter = ["last_seen"]
    date_hierarchy = "last_seen"
    ordering = ["-last_seen"]
    search_fields = [f"=user__{get_user_model().USERNAME_FIELD}", "=ip"]
    search_help_text = _("The user's name or the IP address, in full.")
    fields = ["user", "ip", "user_agent", "created_at", "last_seen", "expire_date"]
    actions = ["end_sessions"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Session]:
        sessions: QuerySet[Session] = super().get_queryset(request)
        return sessions.defer("session_data")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(
        self, request: HttpRequest, obj: Session | None = None
    ) -> bool:
        return False

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        actions: dict[str, Any] = super().get_actions(request)
        actions.pop("delete_selected", None)  # Would list keys to be confirmed.
        return actions

    @admin.display(description=_("device"), ordering="user_agent")
    def device(self, session: Session) -> str:
        return session.device

    @admin.display(description=_("user"), ordering="user")
    def of_user(self, session: Session) -> str:
        if session.user is None:
            return "–"
        return format_html('<a href="?user={}">{}</a>', session.user_id, session.user)

    @admin.action(description=_("End selected sessions"), permissions=["delete"])
    def end_sessions(self, request: HttpRequest, queryset: QuerySet[Session]) -> None:
        ended = rows.delete(list(queryset.values_list("pk", flat=True)))
        message = ngettext(
            "%(count)d session has ended.", "%(count)d sessions have ended.", ended
        )
        self.message_user(request, message % {"count": ended}, messages.SUCCESS)

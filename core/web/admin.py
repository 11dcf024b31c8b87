from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from core.web.models import UnhandledError


@admin.register(UnhandledError)
class UnhandledErrorAdmin(admin.ModelAdmin):
    """To be read, and deleted when the fault is mended."""

    list_display = ["exception", "place", "times", "first_seen", "last_seen"]
    list_filter = ["last_seen", "exception"]
    search_fields = ["exception", "place", "last_path", "last_request_id"]
    readonly_fields = [
        "exception",
        "place",
        "times",
        "first_seen",
        "last_seen",
        "last_path",
        "last_request_id",
        "last_user_id",
        "frames",
        "fingerprint",
    ]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

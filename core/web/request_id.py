"""The number under which a request stands in the logs and on error pages."""

import logging
import os
import re
from typing import Any

from django.conf import settings

from core.web.context import current_context

HEADER = "X-Request-ID"
# No client can send this name: those of headers begin with HTTP_.
KEY = "core.web.request_id"
WELL_FORMED = re.compile(r"[A-Za-z0-9._-]{8,64}")


def request_id(meta: dict[str, Any]) -> str:
    """Give the id of the request with this ``META``; the first call chooses it."""
    known: str | None = meta.get(KEY)
    if known is None:
        known = meta[KEY] = _from_proxy(meta) or os.urandom(16).hex()
    return known


def _from_proxy(meta: dict[str, Any]) -> str | None:
    sent = meta.get("HTTP_X_REQUEST_ID")
    is_trusted = getattr(settings, "REQUEST_ID_FROM_PROXY", False)
    if sent and is_trusted and WELL_FORMED.fullmatch(sent):
        return str(sent)
    return None


class RequestIdFilter(logging.Filter):
    """Puts ``request_id`` on the records of a request."""

    def filter(self, record: logging.LogRecord) -> bool:
        context = current_context()
        # Django logs a response when its context is gone, and adds the request.
        request = context.request if context else getattr(record, "request", None)
        if meta := getattr(request, "META", None):
            record.request_id = request_id(meta)
        return True

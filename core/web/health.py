"""Probes for load balancers: ``/healthz`` (alive) and ``/readyz`` (may serve)."""

import logging
from collections.abc import Callable

from django.core.cache import cache
from django.db import DatabaseError, InterfaceError, connection
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

logger = logging.getLogger(__name__)


@never_cache
@require_safe
def alive(request: HttpRequest) -> JsonResponse:
    return JsonResponse({"status": "ok"})


@never_cache
@require_safe
def ready(request: HttpRequest) -> JsonResponse:
    """Ask each service for an answer; 503 and its name when one gives none."""
    services = {
        name: "ok" if _answers(name, ask) else "down"
        for name, ask in {"database": _ask_database, "cache": _ask_cache}.items()
    }
    is_ready = "down" not in services.values()
    return JsonResponse(
        {"status": "ok" if is_ready else "down", "services": services},
        status=200 if is_ready else 503,
    )


def _answers(name: str, ask: Callable[[], None]) -> bool:
    try:
        ask()
    except (DatabaseError, InterfaceError, OSError, ConnectionError) as error:
        logger.warning("readiness: %s gives no answer: %s", name, error)
        return False
    return True


def _ask_database() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")


def _ask_cache() -> None:
    cache.get("readyz")

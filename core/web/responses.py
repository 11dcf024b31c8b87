"""The JSON envelope of every endpoint: ``{"code": …, "msg": …, "result": …}``.

``code`` is 100 for success, as the tutorials' clients expect, and the HTTP status
for errors; ``msg`` is a sentence in the reader's language.
"""

from http import HTTPStatus
from typing import Any

from django.http import HttpRequest, JsonResponse
from django.utils.translation import gettext as _

SUCCESS = 100


def json_success(result: Any) -> JsonResponse:
    return _envelope(code=SUCCESS, msg=_("Success"), result=result, status=200)


def json_error(status: HTTPStatus, message: str) -> JsonResponse:
    return _envelope(code=status.value, msg=message, result=None, status=status.value)


def wants_json(request: HttpRequest) -> bool:
    """Tell whether the client asked for JSON, by path or by ``Accept``."""
    if request.path.startswith("/api/"):
        return True
    preferred = request.get_preferred_type(["text/html", "application/json"])
    return preferred == "application/json"


def _envelope(*, code: int, msg: str, result: Any, status: int) -> JsonResponse:
    return JsonResponse(
        {"code": code, "msg": msg, "result": result},
        status=status,
        json_dumps_params={"ensure_ascii": False},
    )

"""Error pages for people, the JSON envelope for programs.

Pages for 400, 500 and 503 are rendered without a request: their cause (a forged
host, a database that is down) could make the context processors fail again.
"""

import logging
import sys
from http import HTTPStatus

from django.core.exceptions import PermissionDenied
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse
from django.template import loader
from django.utils.translation import gettext as _

from core.web.request_id import request_id
from core.web.responses import json_error, wants_json

logger = logging.getLogger(__name__)

RETRY_AFTER_SECONDS = 10
# Server gone, refused or overloaded; see MariaDB's and MySQL's error lists.
MYSQL_UNAVAILABLE = {1040, 1042, 1043, 1053, 1129, 1203, 1226, 1927, 3169}
MYSQL_UNAVAILABLE |= {2002, 2003, 2005, 2006, 2012, 2013, 2055, 4031}
# It lets nobody in: wrong host, database or password, account locked. Visitors
# should come back later all the same; the log has the reason.
MYSQL_UNAVAILABLE |= {1044, 1045, 1049, 1130, 1698, 3118, 4151}
SQLITE_UNAVAILABLE = ("unable to open database file", "database is locked")


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _respond(request, HTTPStatus.BAD_REQUEST, _("The request is malformed."))


def permission_denied(
    request: HttpRequest, exception: PermissionDenied
) -> HttpResponse:
    message = _("You may not see this page.")
    return _respond(request, HTTPStatus.FORBIDDEN, message, with_context=True)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    message = _("The form has expired. Go back, reload the page and send it again.")
    return _respond(request, HTTPStatus.FORBIDDEN, message, with_context=True)


def page_not_found(request: HttpRequest, exception: Http404) -> HttpResponse:
    message = _("There is nothing at this address.")
    return _respond(request, HTTPStatus.NOT_FOUND, message, with_context=True)


def method_not_allowed(request: HttpRequest, allowed: str) -> HttpResponse:
    message = _("The method %(method)s is not allowed here; allowed: %(allowed)s.")
    details = {"method": request.method, "allowed": allowed}
    response = json_error(HTTPStatus.METHOD_NOT_ALLOWED, message % details)
    response["Allow"] = allowed
    return response


def server_error(request: HttpRequest) -> HttpResponse:
    error = sys.exc_info()[1]
    if error is not None and is_unavailable(error):
        return service_unavailable(request, error)
    message = _("Something went wrong on our side. It has been recorded.")
    return _respond(request, HTTPStatus.INTERNAL_SERVER_ERROR, message)


def service_unavailable(request: HttpRequest, error: BaseException) -> HttpResponse:
    logger.error("%s %s: 503, %s", request.method, request.path, error)
    message = _("The site is busy or being maintained. Try again in a moment.")
    response = _respond(request, HTTPStatus.SERVICE_UNAVAILABLE, message)
    response["Retry-After"] = str(RETRY_AFTER_SECONDS)
    return response


def is_unavailable(error: BaseException) -> bool:
    """Tell a database that cannot be reached from a statement that is wrong."""
    if isinstance(error, InterfaceError):
        return True
    if not isinstance(error, OperationalError) or not error.args:
        return False
    reason = error.args[0]
    return reason in MYSQL_UNAVAILABLE or str(reason).startswith(SQLITE_UNAVAILABLE)


def _respond(
    request: HttpRequest,
    status: HTTPStatus,
    message: str,
    *,
    with_context: bool = False,
) -> HttpResponse:
    if wants_json(request):
        return json_error(status, message)
    page = loader.render_to_string(
        f"{status.value}.html",
        {"detail": message, "request_id": request_id(request.META)},
        request=request if with_context else None,
    )
    return HttpResponse(page, status=status.value)

"""Hits answered before Django begins: its signals and its chain of middleware cost
more than the hit itself.

Nothing is decided here that ``CachedViewsMiddleware`` would decide otherwise: what is
not plainly a hit for everyone is handed on to Django, as if nobody had looked.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING, cast

from django.conf import settings
from django.core.exceptions import MiddlewareNotUsed
from django.core.handlers.exception import convert_exception_to_response
from django.core.handlers.wsgi import WSGIRequest
from django.db import close_old_connections
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.urls import set_script_prefix
from django.utils.module_loading import import_string

from core.caching.middleware import CachedViewsMiddleware, GetResponse, find_cached_view
from core.caching.reading import find
from core.caching.responses import is_personal, unpack
from core.caching.views import MISSED

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

MIDDLEWARE = f"{CachedViewsMiddleware.__module__}.{CachedViewsMiddleware.__name__}"


class EarlyHits:
    """Wraps Django's application: ``EarlyHits(get_wsgi_application())``.

    Middleware that stands before the cache's sees every request all the same: a hit
    passes through instances of its own of them.
    """

    def __init__(self, application: "WSGIApplication") -> None:
        self._application = application
        self._pass_through: GetResponse | None = None
        if MIDDLEWARE in settings.MIDDLEWARE:
            self._pass_through = _middleware_before_the_cache()

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        if self._pass_through is None or (request := _find(environ)) is None:
            return self._application(environ, start_response)
        response = self._pass_through(request)
        # What Django does when a request ends.
        close_old_connections()
        cookies = [
            ("Set-Cookie", c.output(header="")) for c in response.cookies.values()
        ]
        status = f"{response.status_code} {response.reason_phrase}"
        start_response(status, [*response.items(), *cookies])
        return list(response)


def _find(environ: "WSGIEnvironment") -> WSGIRequest | None:
    if environ["REQUEST_METHOD"] != "GET" or settings.DEBUG:
        return None
    try:
        return find_hit(environ)
    except Exception:  # noqa: BLE001
        # A forged host, a database that is down: Django finds out, and says so.
        return None


def find_hit(environ: "WSGIEnvironment") -> WSGIRequest | None:
    """Make the request, with its ``_cache_hit``; None if it is not plainly a hit.

    What is found missing is noted, so that it need not be looked for again.
    """
    # A copy, because a request changes the environment that it is made of.
    request = WSGIRequest(environ.copy())
    found = find_cached_view(request)
    # Staff see where a response comes from: the middleware knows them by a session.
    if found is None or is_personal(request):
        return None
    view, call = found
    set_script_prefix(request.META["SCRIPT_NAME"])
    if view.options.forced_update or view.is_left_alone(request):
        return None
    key = view.key(call)
    if key is None:
        return None
    hit = find(key, view.stamps(call), unpack)
    if hit is None:
        environ[MISSED] = key
        return None
    request._cache_hit = hit.value  # type: ignore[attr-defined]
    return request


def _middleware_before_the_cache() -> GetResponse:
    def give_hit(request: HttpRequest) -> HttpResponseBase:
        hit: HttpResponse = request._cache_hit  # type: ignore[attr-defined]
        return hit

    get_response: GetResponse = give_hit
    before = settings.MIDDLEWARE[: settings.MIDDLEWARE.index(MIDDLEWARE)]
    for name in reversed(before):
        try:
            middleware = import_string(name)(get_response)
        except MiddlewareNotUsed:
            continue
        get_response = cast(GetResponse, convert_exception_to_response(middleware))
    return get_response

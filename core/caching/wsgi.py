"""Hits answered before Django begins: its signals, its chain of middleware and its
response cost as much as the hit itself.

Nothing is decided here that ``CachedViewsMiddleware`` would decide otherwise: what is
not plainly a hit for everyone is handed on to Django, as if nobody had looked.
"""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core.handlers.wsgi import WSGIRequest
from django.db import close_old_connections
from django.urls import set_script_prefix
from django.utils.module_loading import import_string

from core.caching.middleware import CachedViewsMiddleware, find_cached_view
from core.caching.reading import find
from core.caching.responses import is_personal, split
from core.caching.views import MISSED

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

Headers = list[tuple[str, str]]
HeadersOfHit = Callable[[dict[str, Any]], Headers | None]

MIDDLEWARE = f"{CachedViewsMiddleware.__module__}.{CachedViewsMiddleware.__name__}"


class EarlyHits:
    """Wraps Django's application: ``EarlyHits(get_wsgi_application())``.

    Middleware that stands before the cache's must see every request. It takes part
    by a static method ``headers_of_hit(environ)``, which gives the headers that it
    adds to a hit, or None to see this request itself. If one of them has no such
    method, no hit is answered here.
    """

    def __init__(self, application: "WSGIApplication") -> None:
        self._application = application
        self._outside = _middleware_outside()

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        hit = self._find(environ)
        if hit is None:
            return self._application(environ, start_response)
        headers, body = hit
        start_response("200 OK", headers)
        return [body]

    def _find(self, environ: "WSGIEnvironment") -> tuple[Headers, bytes] | None:
        is_plain = environ["REQUEST_METHOD"] == "GET" and not settings.DEBUG
        if self._outside is None or not is_plain:
            return None
        added: Headers = []
        for headers_of_hit in self._outside:
            headers = headers_of_hit(environ)
            if headers is None:
                return None
            added += headers
        try:
            hit = find_hit(environ)
        except Exception:  # noqa: BLE001
            # A forged host, a database that is down: Django finds out, and says so.
            return None
        return hit and (hit[0] + added, hit[1])


def find_hit(environ: "WSGIEnvironment") -> tuple[Headers, bytes] | None:
    """Look up a request; what is found missing need not be looked for again."""
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
    hit = find(key, view.stamps(call), split)
    if hit is None:
        environ[MISSED] = key
        return None
    # What Django does when a request ends.
    close_old_connections()
    headers, body = hit.value
    return list(headers.values()), body


def _middleware_outside() -> list[HeadersOfHit] | None:
    """List how those before the cache take part; None if one of them does not."""
    if MIDDLEWARE not in settings.MIDDLEWARE:
        return None
    found = []
    for name in settings.MIDDLEWARE[: settings.MIDDLEWARE.index(MIDDLEWARE)]:
        headers_of_hit = getattr(import_string(name), "headers_of_hit", None)
        if headers_of_hit is None:
            return None
        found.append(headers_of_hit)
    return found

"""Answers of ``@cached_view`` as early as correctness allows.

In ``MIDDLEWARE`` it stands behind what must see every request (TLS redirect, static
files) and in front of what only matters to a response that is made: sessions,
authentication, CSP. A hit is answered before any of that runs; what it would have
added to the response was stored with it.
"""

from collections.abc import Callable
from functools import lru_cache
from importlib import import_module

from django.conf import settings
from django.contrib.auth import get_user
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import Resolver404, ResolverMatch, resolve
from django.utils import translation

from core.caching.views import Call, ViewCache

GetResponse = Callable[[HttpRequest], HttpResponseBase]


class CachedViewsMiddleware:
    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if request.method not in ("GET", "HEAD"):
            return self.get_response(request)
        found = find_cached_view(request)
        if found is None:
            return self.get_response(request)
        cache, call = found
        request._cache_call = call  # type: ignore[attr-defined]
        response, status = cache.answer(call, self.get_response)
        if settings.DEBUG or is_staff(request):
            response.headers["X-Cache"] = status
        return response


def find_cached_view(request: HttpRequest) -> tuple[ViewCache, Call] | None:
    """Find the view that will answer, if ``cached_view`` is its outermost decorator."""
    language = translation.get_language_from_request(request, check_path=True)
    match = _match(settings.ROOT_URLCONF, request.path_info, language)
    cache: ViewCache | None = getattr(match and match.func, "view_cache", None)
    # functools.wraps copies the mark to decorators outside, which must not be
    # passed over: one of them may ask for a login.
    if match is None or cache is None or cache.entrance is not match.func:
        return None
    return cache, Call(request, match.args, match.kwargs, language)


@lru_cache(maxsize=4096)
def _match(urlconf: str, path: str, language: str) -> ResolverMatch | None:
    with translation.override(language):
        try:
            return resolve(path, urlconf)
        except Resolver404:
            return None


def is_staff(request: HttpRequest) -> bool:
    """Tell whether staff asks; costs those without a session nothing."""
    if settings.SESSION_COOKIE_NAME not in request.COOKIES:
        return False
    if not hasattr(request, "user"):  # A hit: nobody has asked for it yet.
        engine = import_module(settings.SESSION_ENGINE)
        key = request.COOKIES[settings.SESSION_COOKIE_NAME]
        request.session = engine.SessionStore(key)
        request.user = get_user(request)
    return bool(request.user.is_staff)

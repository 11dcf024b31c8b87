"""Answers of ``@cached_view`` as early as correctness allows.

In ``MIDDLEWARE`` it comes first but for what must see every request. A hit is
answered before sessions, authentication or CSP run; what they would have added to
the response was stored with it. A redirect to TLS is safe behind it: the scheme is
part of the key, and a redirect is never stored.
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

from core.caching.views import CachedView, Call, is_answering

GetResponse = Callable[[HttpRequest], HttpResponseBase]


class CachedViewsMiddleware:
    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if request.method not in ("GET", "HEAD") or is_answering(request):
            return self.get_response(request)
        found = find_cached_view(request)
        if found is None:
            return self.get_response(request)
        view, call = found
        request._cache_call = call  # type: ignore[attr-defined]
        response, status = view.answer(call, self.get_response)
        if settings.DEBUG or is_staff(request):
            response.headers["X-Cache"] = status
        return response


def find_cached_view(request: HttpRequest) -> tuple[CachedView, Call] | None:
    """Find the view that will answer, if ``cached_view`` is its outermost decorator."""
    meta = request.META
    accepted: str = meta.get("HTTP_ACCEPT_LANGUAGE", "")
    chosen = ""
    if "HTTP_COOKIE" in meta:
        chosen = request.COOKIES.get(settings.LANGUAGE_COOKIE_NAME, "")
    found = _resolve(settings.ROOT_URLCONF, request.path_info, chosen, accepted)
    if found is None:
        return None
    view, match, language = found
    return view, Call(request, match.args, match.kwargs, language)


@lru_cache(maxsize=4096)
def _resolve(
    urlconf: str, path: str, chosen: str, accepted: str
) -> tuple[CachedView, ResolverMatch, str] | None:
    request = HttpRequest()
    request.path_info = path
    request.COOKIES = {settings.LANGUAGE_COOKIE_NAME: chosen}
    request.META = {"HTTP_ACCEPT_LANGUAGE": accepted}
    language = translation.get_language_from_request(request, check_path=True)
    with translation.override(language):
        try:
            match = resolve(path, urlconf)
        except Resolver404:
            return None
    view = match.func
    # A decorator outside of it must not be passed over: it may ask for a login.
    return (view, match, language) if isinstance(view, CachedView) else None


def is_staff(request: HttpRequest) -> bool:
    """Tell whether staff asks; costs those without a session nothing."""
    if "HTTP_COOKIE" not in request.META:
        return False
    if settings.SESSION_COOKIE_NAME not in request.COOKIES:
        return False
    if not hasattr(request, "user"):  # A hit: nobody has asked for it yet.
        engine = import_module(settings.SESSION_ENGINE)
        key = request.COOKIES[settings.SESSION_COOKIE_NAME]
        request.session = engine.SessionStore(key)
        request.user = get_user(request)
    return bool(request.user.is_staff)

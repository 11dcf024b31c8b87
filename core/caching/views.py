"""Whole responses from the cache: ``@cached_view``.

A stored response is for everyone who asks the same: scheme, host, path, query,
language. A visitor with a session, with messages waiting or with an Authorization
header gets his own.
"""

import functools
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.http import urlencode
from django.utils.translation import get_language

from core.caching.reading import Hit, Timeout, Until, build, look_up, seconds_of
from core.caching.responses import is_personal, may_store, pack, unpack
from core.caching.stores import Bypass
from core.caching.tags import stamps_read_by

View = Callable[..., HttpResponseBase]
Produce = Callable[[HttpRequest], HttpResponseBase]

LONGEST_KEY = 200


def cached_view(
    *,
    tags: Iterable[str] | Callable[..., Iterable[str]],
    timeout: Timeout = None,
    until: Until | None = None,
    key_prefix: str = "view",
    unless: Callable[[HttpRequest], bool] | None = None,
    forced_update: Callable[[HttpRequest], bool] | None = None,
    response_filter: Callable[[Any], bool] | None = None,
    query_string: bool | Collection[str] = True,
    make_cache_key: Callable[..., str] | None = None,
    shared: bool = False,
) -> Callable[[View], View]:
    """Cache a view's responses to GET, status 200; other requests pass through.

    ``tags`` and ``make_cache_key`` may be functions of the view's arguments;
    ``unless``, ``forced_update`` take the request, ``response_filter`` the response.
    ``query_string`` is part of the key; a list names the parameters the view knows,
    and a request with others is not cached; False leaves the query out.
    ``shared`` says that the response is the same with a session as without one.

    It must be the outermost decorator: a hit runs nothing that is inside of it.
    """
    seconds_of(timeout)

    def decorate(view: View) -> View:
        @functools.wraps(view)
        def entrance(
            request: HttpRequest, *args: Any, **kwargs: Any
        ) -> HttpResponseBase:
            def produce(request: HttpRequest) -> HttpResponseBase:
                return view(request, *args, **kwargs)

            if request.method not in ("GET", "HEAD") or is_answering(request):
                return produce(request)
            call = Call(request, args, kwargs, get_language() or "")
            return cache.answer(call, produce)[0]

        cache = ViewCache(
            entrance=entrance,
            tags=tags if callable(tags) else tuple(tags),
            timeout=timeout,
            until=until,
            key_prefix=key_prefix,
            unless=unless,
            forced_update=forced_update,
            response_filter=response_filter,
            query_string=query_string,
            make_cache_key=make_cache_key,
            is_shared=shared,
        )
        entrance.view_cache = cache  # type: ignore[attr-defined]
        return entrance

    return decorate


def is_answering(request: HttpRequest) -> bool:
    """Tell whether the middleware has taken over the caching of this request."""
    return hasattr(request, "_cache_call")


@dataclass(frozen=True)
class Call:
    request: HttpRequest
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    language: str


@dataclass(frozen=True)
class ViewCache:
    """What ``cached_view`` was told of one view."""

    entrance: View
    tags: tuple[str, ...] | Callable[..., Iterable[str]]
    timeout: Timeout
    until: Until | None
    key_prefix: str
    unless: Callable[[HttpRequest], bool] | None
    forced_update: Callable[[HttpRequest], bool] | None
    response_filter: Callable[[Any], bool] | None
    query_string: bool | Collection[str]
    make_cache_key: Callable[..., str] | None
    is_shared: bool

    def answer(self, call: Call, produce: Produce) -> tuple[HttpResponseBase, str]:
        """Give the response and where it came from: hit, miss or bypass."""
        request = call.request
        if self._is_left_alone(request) or (key := self.key(call)) is None:
            return produce(request), "bypass"
        is_forced = bool(self.forced_update and self.forced_update(request))
        found = look_up(key, self.stamps(call), unpack, is_forced=is_forced)
        if isinstance(found, Hit):
            return found.value, "hit"
        if isinstance(found, Bypass):
            return produce(request), "bypass"
        if not may_store(request):
            found.abandon()
            return produce(request), "bypass"

        def keep(response: HttpResponseBase) -> bytes | None:
            if self.response_filter and not self.response_filter(response):
                return None
            return pack(request, response, is_shared=self.is_shared)

        def load() -> HttpResponseBase:
            return produce(request)

        times = self.timeout, self.until
        return build(found, key, load, keep, *times), "miss"

    def stamps(self, call: Call) -> tuple[str, ...]:
        if not callable(self.tags):
            return _stamps_read_by(self.tags)
        return stamps_read_by(self.tags(call.request, *call.args, **call.kwargs))

    def key(self, call: Call) -> str | None:
        """Spell the key; None if the query has what the view does not know."""
        request = call.request
        if self.make_cache_key:
            made = self.make_cache_key(request, *call.args, **call.kwargs)
            return f"{self.key_prefix}:{made}"
        query = ""
        if self.query_string is not False and request.META.get("QUERY_STRING"):
            names, known = request.GET.keys(), self.query_string
            if known is not True and not names <= set(known):
                return None
            query = "?" + urlencode(sorted(request.GET.lists()), doseq=True)
        address = f"{request.scheme}://{request.get_host()}{request.path}{query}"
        return _shortened(f"{self.key_prefix}:{address} {call.language}")

    def _is_left_alone(self, request: HttpRequest) -> bool:
        return (
            "HTTP_AUTHORIZATION" in request.META
            or (not self.is_shared and is_personal(request))
            or bool(self.unless and self.unless(request))
        )


_stamps_read_by = functools.lru_cache(maxsize=None)(stamps_read_by)


def _shortened(key: str) -> str:
    if len(key) <= LONGEST_KEY:
        return key
    digest = blake2b(key.encode(), digest_size=16).hexdigest()
    return f"{key[: LONGEST_KEY - len(digest) - 1]}…{digest}"

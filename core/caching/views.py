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
from core.caching.tags import checked, stamps_read_by

View = Callable[..., HttpResponseBase]
Produce = Callable[[HttpRequest], HttpResponseBase]

LONGEST_KEY = 200
MISSED = "core.caching.missed"
"""Where ``request.META`` has the key of a response that was looked up in vain."""


@dataclass(kw_only=True)
class cached_view:
    """Cache a view's responses to GET, status 200; other requests pass through.

    ``tags`` and ``make_cache_key`` may be functions of the view's arguments;
    ``unless``, ``forced_update`` take the request, ``response_filter`` the response.
    ``query_string`` is part of the key; a list names the parameters the view knows,
    and a request with others is not cached; False leaves the query out.
    ``shared`` says that the response is the same with a session as without one.

    It must be the outermost decorator: a hit runs nothing that is inside of it.
    """

    tags: Iterable[str] | Callable[..., Iterable[str]]
    timeout: Timeout = None
    until: Until | None = None
    key_prefix: str = "view"
    unless: Callable[[HttpRequest], bool] | None = None
    forced_update: Callable[[HttpRequest], bool] | None = None
    response_filter: Callable[[Any], bool] | None = None
    query_string: bool | Collection[str] = True
    make_cache_key: Callable[..., str] | None = None
    shared: bool = False

    def __post_init__(self) -> None:
        seconds_of(self.timeout)
        if not callable(self.tags):
            self.tags = tuple(checked(self.tags))

    def __call__(self, view: View) -> "CachedView":
        return CachedView(view, self)


def is_answering(request: HttpRequest) -> bool:
    """Tell whether the middleware has taken over the caching of this request."""
    return hasattr(request, "_cache_call")


@dataclass(frozen=True)
class Call:
    request: HttpRequest
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    language: str


class CachedView:
    """A view behind the cache."""

    def __init__(self, view: View, options: cached_view) -> None:
        functools.update_wrapper(self, view)
        self.uncached = view
        self.options = options

    def __call__(
        self, request: HttpRequest, *args: Any, **kwargs: Any
    ) -> HttpResponseBase:
        def produce(request: HttpRequest) -> HttpResponseBase:
            return self.uncached(request, *args, **kwargs)

        if request.method not in ("GET", "HEAD") or is_answering(request):
            return produce(request)
        call = Call(request, args, kwargs, get_language() or "")
        return self.answer(call, produce)[0]

    def answer(self, call: Call, produce: Produce) -> tuple[HttpResponseBase, str]:
        """Give the response and where it came from: hit, miss or bypass."""
        request, options = call.request, self.options
        if self.is_left_alone(request) or (key := self.key(call)) is None:
            return produce(request), "bypass"
        how = {
            "is_forced": bool(options.forced_update and options.forced_update(request)),
            "is_missed": request.META.get(MISSED) == key,
        }
        found = look_up(key, self.stamps(call), unpack, **how)
        if isinstance(found, Hit):
            return found.value, "hit"
        if isinstance(found, Bypass):
            return produce(request), "bypass"
        if not may_store(request):
            found.abandon()
            return produce(request), "bypass"

        def keep(response: HttpResponseBase) -> bytes | None:
            if options.response_filter and not options.response_filter(response):
                return None
            return pack(request, response, is_shared=options.shared)

        def load() -> HttpResponseBase:
            return produce(request)

        times = options.timeout, options.until
        return build(found, key, load, keep, *times), "miss"

    def stamps(self, call: Call) -> tuple[str, ...]:
        tags = self.options.tags
        if not callable(tags):
            return _stamps_read_by(tuple(tags))
        return stamps_read_by(tags(call.request, *call.args, **call.kwargs))

    def key(self, call: Call) -> str | None:
        """Spell the key; None if the query has what the view does not know."""
        request, options = call.request, self.options
        if options.make_cache_key:
            made = options.make_cache_key(request, *call.args, **call.kwargs)
            return f"{options.key_prefix}:{made}"
        query = ""
        if options.query_string is not False and request.META.get("QUERY_STRING"):
            names, known = request.GET.keys(), options.query_string
            if known is not True and not names <= set(known):
                return None
            query = "?" + urlencode(sorted(request.GET.lists()), doseq=True)
        address = f"{request.scheme}://{request.get_host()}{request.path}{query}"
        return _shortened(f"{options.key_prefix}:{address} {call.language}")

    def is_left_alone(self, request: HttpRequest) -> bool:
        return (
            "HTTP_AUTHORIZATION" in request.META
            or (not self.options.shared and is_personal(request))
            or bool(self.options.unless and self.options.unless(request))
        )


_stamps_read_by = functools.lru_cache(maxsize=None)(stamps_read_by)


def _shortened(key: str) -> str:
    if len(key) <= LONGEST_KEY:
        return key
    digest = blake2b(key.encode(), digest_size=16).hexdigest()
    return f"{key[: LONGEST_KEY - len(digest) - 1]}…{digest}"

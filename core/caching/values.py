"""Cached values: ``get_or_build``, ``cached``, ``memoize``."""

import functools
import inspect
from collections.abc import Callable, Iterable
from hashlib import blake2b
from typing import Any, Generic, ParamSpec, TypedDict, TypeVar, Unpack

from django.core.exceptions import ImproperlyConfigured

from core.caching.coalescing import Coalescer
from core.caching.json_values import decode, encode
from core.caching.reading import (
    IN_TRANSACTION,
    Hit,
    Timeout,
    Until,
    build,
    look_up,
    seconds_of,
)
from core.caching.stores import Bypass
from core.caching.tags import stamps_read_by
from core.caching.transactions import invalidate

P = ParamSpec("P")
R = TypeVar("R")

Tags = Iterable[str] | Callable[..., Iterable[str]]

_coalescer = Coalescer()
functions: dict[str, "Cached[[], Any]"] = {}
"""Cached functions without arguments, by key: for people who look into the cache."""


def get_or_build(
    key: str,
    loader: Callable[[], R],
    *,
    tags: Iterable[str],
    timeout: Timeout = None,
    until: Until | None = None,
    cache_none: bool = True,
    forced_update: bool = False,
) -> R:
    """Give the cached value, or load and store it.

    It is as fresh as the database: after a commit that changed one of ``tags``
    nobody gets an older one. It is JSON, on a miss as on a hit: a tuple comes back
    as a list. Inside of a transaction the loader is called and nothing stored.

    ``timeout`` (seconds or timedelta, default CACHE_DEFAULT_TIMEOUT) bounds its age;
    ``until`` gives the next moment at which time alone changes it, or None. With
    ``cache_none=False`` a None is not stored.
    """
    stamps = stamps_read_by(tags)

    def load() -> bytes:
        return encode(loader(), key)

    def pack(payload: bytes) -> bytes | None:
        return payload if cache_none or payload != b"null" else None

    found = look_up(key, stamps, decode, is_forced=forced_update)
    if isinstance(found, Hit):
        return found.value  # type: ignore[no-any-return]
    if not isinstance(found, Bypass):
        payload = build(found, key, load, pack, timeout, until)
    elif found is IN_TRANSACTION:
        payload = load()
    else:
        payload = _coalescer.read(key, load)
    return decode(payload)  # type: ignore[no-any-return]


class Options(TypedDict, total=False):
    """Of ``cached`` and ``memoize``; the first three: see ``get_or_build``.

    ``unless`` and ``forced_update`` are called at each read: if true, the first
    leaves the cache alone, the second has the value rebuilt.
    """

    timeout: Timeout
    until: Until | None
    cache_none: bool
    unless: Callable[[], bool]
    forced_update: Callable[[], bool]


class Cached(Generic[P, R]):
    """A function whose results are cached.

    ``uncached`` is the function itself; ``make_cache_key(…)`` and ``make_tags(…)``
    give key and tags of a call.
    """

    def __init__(
        self,
        uncached: Callable[P, R],
        name: str,
        make_cache_key: Callable[..., str],
        make_tags: Callable[..., Iterable[str]],
        options: Options,
    ) -> None:
        if inspect.iscoroutinefunction(uncached):
            raise ImproperlyConfigured(
                f"{uncached.__qualname__} is a coroutine function: cache a function "
                "that is not, and call it through sync_to_async()."
            )
        seconds_of(options.get("timeout"))
        functools.update_wrapper(self, uncached)
        self.uncached = uncached
        self.name = name
        self.make_cache_key = make_cache_key
        self.make_tags = make_tags
        self.options = options

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        unless = self.options.get("unless")
        forced_update = self.options.get("forced_update")
        if unless and unless():
            return self.uncached(*args, **kwargs)
        return get_or_build(
            self.make_cache_key(*args, **kwargs),
            functools.partial(self.uncached, *args, **kwargs),
            tags=self.make_tags(*args, **kwargs),
            timeout=self.options.get("timeout"),
            until=self.options.get("until"),
            cache_none=self.options.get("cache_none", True),
            forced_update=forced_update() if forced_update else False,
        )


def cached(
    key: str,
    *,
    tags: Tags,
    make_cache_key: Callable[..., str] | None = None,
    **options: Unpack[Options],
) -> Callable[[Callable[P, R]], Cached[P, R]]:
    """Cache the results of a function; see ``Options``.

    ``key`` names every argument, ``"article:{slug}"``, unless ``make_cache_key`` makes
    it of them. ``tags`` may be a function of the arguments.
    """

    def decorate(function: Callable[P, R]) -> Cached[P, R]:
        signature = inspect.signature(function)
        unnamed = [name for name in signature.parameters if f"{{{name}}}" not in key]
        if unnamed and make_cache_key is None:
            raise ImproperlyConfigured(
                f"The cache key {key!r} of {function.__qualname__} leaves out the "
                f"argument {unnamed[0]!r}: expected {{{unnamed[0]}}} in it, or memoize."
            )

        def make_key(*args: P.args, **kwargs: P.kwargs) -> str:
            given = _arguments(signature, args, kwargs).items()
            return key.format(**{name: encode(it, key).decode() for name, it in given})

        make = make_cache_key or make_key
        made = Cached(function, key, make, _function_of(tags), options)
        if not signature.parameters:
            functions[key] = made  # type: ignore[assignment]
        return made

    return decorate


def memoize(
    *, tags: Tags = (), **options: Unpack[Options]
) -> Callable[[Callable[P, R]], Cached[P, R]]:
    """Cache the results of a function per arguments, which must be JSON.

    ``delete_memoized`` forgets them; a change of ``tags`` does so by itself.
    """

    def decorate(function: Callable[P, R]) -> Cached[P, R]:
        signature = inspect.signature(function)
        name = f"{function.__module__}.{function.__qualname__}()"
        tags_of_call = _function_of(tags)

        def make_key(*args: P.args, **kwargs: P.kwargs) -> str:
            given = encode(_arguments(signature, args, kwargs), name)
            return f"{name}:{blake2b(given, digest_size=16).hexdigest()}"

        def make_tags(*args: P.args, **kwargs: P.kwargs) -> list[str]:
            # The key is a tag as well: of this call, as a row is of its table.
            return [make_key(*args, **kwargs), *tags_of_call(*args, **kwargs)]

        return Cached(function, name, make_key, make_tags, options)

    return decorate


def delete_memoized(function: Cached[P, Any], *args: Any, **kwargs: Any) -> None:
    """Forget a memoized function's results, or the one for these arguments."""
    is_one = args or kwargs
    invalidate(function.make_cache_key(*args, **kwargs) if is_one else function.name)


def _arguments(signature: inspect.Signature, args: Any, kwargs: Any) -> dict[str, Any]:
    """Name the arguments: ``f(1)``, ``f(a=1)`` and a default are one call."""
    bound = signature.bind(*args, **kwargs)
    bound.apply_defaults()
    return dict(bound.arguments)


def _function_of(tags: Tags) -> Callable[..., Iterable[str]]:
    if callable(tags):
        return tags
    fixed = tuple(tags) if not isinstance(tags, str) else tags
    return lambda *args, **kwargs: fixed

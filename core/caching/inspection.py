"""Look into the cache: which value an address or a key stands for, and its state."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import urlsplit

from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler
from django.test import RequestFactory

from core.caching.json_values import encode
from core.caching.middleware import find_cached_view
from core.caching.responses import unpack
from core.caching.stores import Entry, current_store
from core.caching.stores.base import now_ms
from core.caching.tags import stamps_read_by
from core.caching.values import functions


class UnknownSubject(LookupError):
    """Neither the address of a cached view nor the key of a cached function."""


@dataclass(frozen=True)
class Subject:
    """A value that may be in the cache; ``is_true`` compares it with its source."""

    key: str
    stamps: tuple[str, ...]
    is_true: Callable[[Entry], bool]


@dataclass(frozen=True)
class State:
    """``lapsed`` names the stamps that have changed since the value was built."""

    entry: Entry | None
    lapsed: list[str]
    text: str


def subject_of(name: str) -> Subject:
    if function := functions.get(name):
        stamps = stamps_read_by(function.make_tags())
        return Subject(
            name,
            stamps,
            lambda entry: entry.payload == encode(function.uncached(), name),
        )
    if name.startswith("view:") and " " in name:
        address, _, language = name.removeprefix("view:").rpartition(" ")
        return _page(address, language)
    if name.startswith(("/", "http://", "https://")):
        return _page(name, settings.LANGUAGE_CODE)
    raise UnknownSubject(
        f"{name!r} is neither the address of a cached view nor the key of a cached "
        "function without arguments."
    )


def _page(address: str, language: str) -> Subject:
    url = urlsplit(address)
    request = RequestFactory().get(
        url.path + (f"?{url.query}" if url.query else ""),
        secure=url.scheme == "https",
        headers={
            "host": url.netloc or _host(),
            "accept-language": language,
            "sec-purpose": "prefetch",  # Nobody looks at the page.
        },
    )
    found = find_cached_view(request)
    key = found[0].key(found[1]) if found else None
    if found is None or key is None:
        raise UnknownSubject(f"{address} is not cached.")

    def is_true(entry: Entry) -> bool:
        # Makes the middleware leave the cache alone.
        request._cache_call = found[1]  # type: ignore[attr-defined]
        response = WSGIHandler().get_response(request)
        response.close()
        return getattr(response, "content", None) == unpack(entry.payload).content

    return Subject(key, found[0].stamps(found[1]), is_true)


def _host() -> str:
    named = [host for host in settings.ALLOWED_HOSTS if not host.startswith(("*", "."))]
    return named[0] if named else "localhost"


def state_of(subject: Subject) -> State:
    store = current_store()
    stored, current = store.peek(subject.key), store.current(subject.stamps)
    if stored is None:
        return State(None, [], "not stored")
    lapsed, place = [], 0
    for name, stamp in zip(subject.stamps, current, strict=True):
        if not stamp or stored[place : place + len(stamp)] != stamp:
            lapsed.append(name)
        place += len(stamp) or 16
    if lapsed:
        return State(None, lapsed, "void since a change")
    entry = Entry.unpack(stored, b"".join(current))
    if entry is None:
        return State(None, [], "expired")
    age, rest = now_ms() - entry.built_ms, entry.expires_ms - now_ms()
    return State(entry, [], f"valid, built {_ago(age)} ago, ends in {_ago(rest)}")


def _ago(milliseconds: int) -> str:
    return str(timedelta(seconds=round(milliseconds / 1000)))

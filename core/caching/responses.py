"""Which requests and responses are for everyone, and how a response is stored."""

import json
from functools import lru_cache

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

# Part of the key, or of no account because such a visitor is not served from here.
KNOWN_VARY = {"accept-language", "cookie"}
NOT_FOR_EVERYONE = {"private", "no-store", "no-cache"}
MESSAGES_COOKIE = "messages"


def is_personal(request: HttpRequest) -> bool:
    """Tell whether the visitor may be known, or has messages waiting."""
    if "HTTP_COOKIE" not in request.META:
        return False
    cookies = request.COOKIES
    return settings.SESSION_COOKIE_NAME in cookies or MESSAGES_COOKIE in cookies


def may_store(request: HttpRequest) -> bool:
    """Tell whether the response may do for others: a HEAD may have no body.

    With a CSRF cookie, the page may show a token made from it, and nothing tells.
    """
    return request.method == "GET" and (
        "HTTP_COOKIE" not in request.META
        or settings.CSRF_COOKIE_NAME not in request.COOKIES
    )


def pack(
    request: HttpRequest, response: HttpResponseBase, *, is_shared: bool
) -> bytes | None:
    """Give headers and body as bytes; None if this response is not for everyone."""
    if (
        not isinstance(response, HttpResponse)
        or response.status_code != 200
        or not getattr(response, "is_rendered", True)
        or response.cookies
        or response.has_header("Content-Encoding")
        or _words(response, "Cache-Control") & NOT_FOR_EVERYONE
        or _words(response, "Vary") - KNOWN_VARY
        or "'nonce-" in response.get("Content-Security-Policy", "")
        or _leaves_a_trace(request)
        or (is_shared and _depends_on_session(request, response))
    ):
        return None
    return json.dumps(list(response.items())).encode() + b"\n" + response.content


def unpack(payload: bytes) -> HttpResponse:
    head, _, body = payload.partition(b"\n")
    response = HttpResponse(body)
    # The way ResponseHeaders holds them: to set ten headers one by one would cost
    # as much as the trip to Redis.
    response.headers._store = _headers(head).copy()
    return response


@lru_cache(maxsize=1024)
def _headers(head: bytes) -> dict[str, tuple[str, str]]:
    return {name.lower(): (name, value) for name, value in json.loads(head)}


def _leaves_a_trace(request: HttpRequest) -> bool:
    """Tell whether a cookie will be set that the response does not have yet."""
    session = getattr(request, "session", None)
    messages = getattr(request, "_messages", None)
    return (
        bool(session is not None and session.modified)
        or bool(messages is not None and (messages.used or messages.added_new))
        or "CSRF_COOKIE" in request.META
    )


def _depends_on_session(request: HttpRequest, response: HttpResponseBase) -> bool:
    session = getattr(request, "session", None)
    is_read = session is not None and session.accessed
    return is_read or "cookie" in _words(response, "Vary")


def _words(response: HttpResponseBase, header: str) -> set[str]:
    values = response.get(header, "").lower().split(",")
    return {value.partition("=")[0].strip() for value in values} - {""}

"""What belongs to one request, command or script: ``g``, ``request``, ``current_user``.

They are kept in a context variable, so that threads, greenlets and asyncio tasks each
see their own. ``ContextMiddleware`` gives a context to every request, ``ContextCommand``
to a management command, ``app_context()`` to anything else:

    with app_context():
        g.rate = read_rate()

A thread starts without a context; a task starts with that of its maker.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar, Token
from typing import TYPE_CHECKING, Any, cast

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from core.dispatch import Signal
from core.signals import (
    appcontext_popped,
    appcontext_pushed,
    appcontext_tearing_down,
    request_finished,
    request_started,
    request_tearing_down,
)
from core.web.proxy import Proxy

if TYPE_CHECKING:
    from django.contrib.auth.models import AbstractBaseUser, AnonymousUser

NO_CONTEXT = (
    "Working outside of application context. Views and templates have one; anything "
    "else, such as a script or a thread, gets one from core.web.context: "
    "`with app_context(): ...`."
)
NO_REQUEST = (
    "Working outside of request context. This code was not called by a view but in an "
    "`app_context()` of its own: give it what it needs of the request as arguments."
)

Announcement = tuple[Signal, dict[str, Any]]


class Namespace:
    """The attributes of ``g``, with the methods that Flask's has."""

    def __contains__(self, name: str) -> bool:
        return name in self.__dict__

    def __iter__(self) -> Iterator[str]:
        return iter(self.__dict__)

    def get(self, name: str, default: Any = None) -> Any:
        return self.__dict__.get(name, default)

    def setdefault(self, name: str, default: Any = None) -> Any:
        return self.__dict__.setdefault(name, default)

    def pop(self, name: str, *default: Any) -> Any:
        return self.__dict__.pop(name, *default)

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any: ...
        def __setattr__(self, name: str, value: Any) -> None: ...


class Context:
    """One level: a request's, or that of an ``app_context()`` in it or without one.

    Between ``push`` and ``pop`` it is the current one. The announcements are to be
    sent in the order of the methods, all that go with a request only if it has one.
    """

    __slots__ = ("__weakref__", "_token", "exception", "namespace", "owner", "request")

    def __init__(self, request: HttpRequest | None = None) -> None:
        outer = _current.get(None)
        self.owner = request
        self.request: HttpRequest | None = request or (outer.request if outer else None)
        self.namespace = Namespace()
        self.exception: BaseException | None = None
        self._token: Token[Context] | None = None

    def push(self) -> None:
        self._token = _current.set(self)

    def pop(self) -> None:
        if self._token:
            _current.reset(self._token)

    # Yielding only what has receivers makes the usual case, none, cost next to nothing.

    def at_begin(self) -> Iterator[Announcement]:
        if appcontext_pushed.receivers:
            yield appcontext_pushed, {}
        if self.owner and request_started.receivers:
            yield request_started, {"request": self.owner}

    def at_response(self, response: HttpResponseBase) -> Iterator[Announcement]:
        if request_finished.receivers:
            yield request_finished, {"request": self.owner, "response": response}

    def at_end(self) -> Iterator[Announcement]:
        if self.owner and request_tearing_down.receivers:
            yield request_tearing_down, {"request": self.owner, "exc": self.exception}
        if appcontext_tearing_down.receivers:
            yield appcontext_tearing_down, {"exc": self.exception}

    def after_pop(self) -> Iterator[Announcement]:
        if appcontext_popped.receivers:
            yield appcontext_popped, {}


_current: ContextVar[Context] = ContextVar("core.web.context")


def current_context() -> Context | None:
    return _current.get(None)


@contextmanager
def app_context() -> Iterator[None]:
    """Give the block a context of its own, with an empty ``g``.

    Inside of a request, or of another block, that one's ``g`` is back afterwards;
    ``request`` stays that of the outer one.
    """
    with entered(Context()):
        yield


@contextmanager
def entered(context: Context) -> Iterator[None]:
    """Push the context, pop it whatever happens in the block, and announce both."""
    context.push()
    try:
        announce(context.at_begin())
        yield
    except BaseException as error:
        context.exception = error
        raise
    finally:
        try:
            announce(context.at_end())
        finally:
            context.pop()
        announce(context.after_pop())


def announce(announcements: Iterable[Announcement]) -> None:
    for signal, named in announcements:
        signal.send_robust(None, **named)


async def aannounce(announcements: Iterable[Announcement]) -> None:
    for signal, named in announcements:
        await signal.asend_robust(None, **named)


def _current_namespace() -> Namespace:
    return _require_context().namespace


def _current_request() -> HttpRequest:
    request = _require_context().request
    if request is None:
        raise RuntimeError(NO_REQUEST)
    return request


def _current_user() -> "AbstractBaseUser | AnonymousUser":
    """Give the request's user; nobody, in a script or before authentication."""
    from django.contrib.auth.models import AnonymousUser  # needs the apps

    user = getattr(_require_context().request, "user", None)
    return user or AnonymousUser()


def _require_context() -> Context:
    context = current_context()
    if context is None:
        raise RuntimeError(NO_CONTEXT)
    return context


g = cast(Namespace, Proxy(_current_namespace))
request = cast(HttpRequest, Proxy(_current_request))
current_user = cast("AbstractBaseUser | AnonymousUser", Proxy(_current_user))

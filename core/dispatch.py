"""The project's kind of signal: a receiver cannot harm the sender.

It is Django's ``Signal`` with three differences. What is wrong with a receiver is
said when it is connected, in production too. ``connect`` gives the receiver back,
so that it serves as a decorator. A trace can be asked for.
"""

import functools
import inspect
import logging
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, NamedTuple, TypeVar

from django import dispatch

logger = logging.getLogger(__name__)

Receiver = Callable[..., Any]
R = TypeVar("R", bound=Receiver)


class Call(NamedTuple):
    """A call of a receiver, as the trace notes it."""

    signal: "Signal"
    receiver: Receiver
    elapsed_ms: float


_trace: ContextVar[list[Call] | None] = ContextVar("core.dispatch.trace", default=None)


class Signal(dispatch.Signal):
    """A signal that is sent with ``send_robust`` from synchronous code.

    ``arguments`` names what is sent beside ``sender`` and ``signal``. Receivers are
    plain functions with ``**kwargs``: more arguments may come in later versions.
    """

    def __init__(self, arguments: Iterable[str] = ()) -> None:
        super().__init__()
        self.arguments = tuple(arguments)

    def connect(  # type: ignore[override]
        self,
        receiver: R,
        sender: object | None = None,
        weak: bool = True,
        dispatch_uid: object | None = None,
    ) -> R:
        """Connect a receiver, once: a second time has no effect.

        Raises ``TypeError`` if it could not be called with what is sent.
        """
        self._require_callable_with_arguments(receiver)
        super().connect(receiver, sender, weak, dispatch_uid)
        return receiver

    def _require_callable_with_arguments(self, receiver: Receiver) -> None:
        signature = inspect.signature(receiver)
        name = f"{name_of(receiver)}{signature}"
        if inspect.iscoroutinefunction(receiver):
            raise TypeError(
                f"The receiver {name} is a coroutine function: expected a plain "
                "function, because the signal is sent from synchronous code."
            )
        kinds = {parameter.kind for parameter in signature.parameters.values()}
        if inspect.Parameter.VAR_KEYWORD not in kinds:
            raise TypeError(
                f"The receiver {name} does not take **kwargs: expected them, because "
                "a signal may get more arguments."
            )
        sent = ("signal", "sender", *self.arguments)
        try:
            signature.bind(**dict.fromkeys(sent))
        except TypeError as error:
            raise TypeError(
                f"The receiver {name} cannot be called with the keyword arguments "
                f"{', '.join(sent)}: {error}."
            ) from None

    def _log_robust_failure(self, receiver: Receiver, err: Exception) -> None:
        # Django's asks for a __qualname__, which a partial does not have.
        logger.error("The receiver %s failed", name_of(receiver), exc_info=err)

    def _live_receivers(self, sender: Any) -> tuple[list[Receiver], list[Receiver]]:
        receivers, coroutines = super()._live_receivers(sender)
        if (calls := _trace.get()) is not None:
            receivers = [self._timed(receiver, calls) for receiver in receivers]
        return receivers, coroutines

    def _timed(self, receiver: Receiver, calls: list[Call]) -> Receiver:
        @functools.wraps(receiver)
        def call(**named: Any) -> Any:
            begin = time.perf_counter()
            try:
                return receiver(**named)
            finally:
                elapsed_ms = (time.perf_counter() - begin) * 1000
                calls.append(Call(self, receiver, elapsed_ms))

        return call


@contextmanager
def traced() -> Iterator[list[Call]]:
    """Note the calls of receivers until the end of the block."""
    calls: list[Call] = []
    token = _trace.set(calls)
    try:
        yield calls
    finally:
        _trace.reset(token)


def name_of(receiver: Receiver) -> str:
    """Give the dotted name of a function, a method or a partial's function."""
    function = inspect.unwrap(receiver)
    while isinstance(function, functools.partial):
        function = function.func
    if not hasattr(function, "__qualname__"):  # An object with __call__.
        function = type(function)
    return f"{function.__module__}.{function.__qualname__}"

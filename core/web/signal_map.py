"""Who listens to whom: the signals of all loaded modules and their receivers."""

import inspect
import sys
import weakref
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from django.apps import apps
from django.db.models import signals as model_signals
from django.dispatch import Signal
from django.dispatch.dispatcher import NONE_ID

from core.dispatch import Call, Receiver, name_of

ANY_SENDER = "any"
# What a receiver for every model costs.
PRICES = {
    model_signals.pre_delete: "no model's rows can be deleted by one statement",
    model_signals.post_delete: "no model's rows can be deleted by one statement",
    model_signals.pre_init: "every object of every model is slower to make",
    model_signals.post_init: "every object of every model is slower to make",
}


@dataclass(frozen=True)
class Connection:
    """A receiver on a signal; ``place`` is file and line."""

    signal: str
    sender: str
    receiver: str
    place: str
    is_weak: bool
    is_async: bool
    dispatch_uid: str
    problems: tuple[str, ...]

    def __str__(self) -> str:
        marks = ["weak"] * self.is_weak + ["async"] * self.is_async
        if self.dispatch_uid:
            marks.append(f"dispatch_uid={self.dispatch_uid}")
        sender = f"sender={self.sender}"
        return "  ".join([self.receiver, self.place, sender, *marks])


def all_signals() -> dict[str, Signal]:
    """Map names such as ``core.signals.table_imported`` to signals, sorted."""
    names: dict[Signal, str] = {}
    for module_name, module in list(sys.modules.items()):
        for attribute, value in list(getattr(module, "__dict__", {}).items()):
            if issubclass(type(value), Signal):  # isinstance() would ask proxies
                name = f"{module_name}.{attribute}"
                names[value] = min(names.get(value, name), name, key=_remoteness)
    return {name: signal for signal, name in sorted(names.items(), key=lambda i: i[1])}


def _remoteness(name: str) -> tuple[bool, int, str]:
    """Rank the module that probably defines a signal before those that import it."""
    module = name.rpartition(".")[0]
    return not module.endswith("signals"), len(module), name


def connections(signals: dict[str, Signal]) -> Iterator[Connection]:
    senders = _labels_of_senders()
    for name, signal in signals.items():
        entries = [
            (key, _dereferenced(kept), kept, a) for key, kept, a in signal.receivers
        ]
        codes = Counter((key[1], _code(receiver)) for key, receiver, _, _ in entries)
        for (identity, sender_id), receiver, kept, is_async in entries:
            if receiver is None:
                continue
            is_weak = isinstance(kept, weakref.ReferenceType)
            yield Connection(
                signal=name,
                sender=senders.get(sender_id, f"object {sender_id}"),
                receiver=name_of(receiver),
                place=_place(receiver),
                is_weak=is_weak,
                is_async=is_async,
                dispatch_uid=identity if isinstance(identity, str) else "",
                problems=tuple(
                    _problems(
                        signal,
                        receiver,
                        is_for_all=sender_id == NONE_ID,
                        is_weak=is_weak,
                        times=codes[sender_id, _code(receiver)],
                    )
                ),
            )


def _problems(
    signal: Signal, receiver: Receiver, *, is_for_all: bool, is_weak: bool, times: int
) -> Iterator[str]:
    if is_for_all and signal in PRICES:
        yield f"has no sender, so that {PRICES[signal]}: connect it with sender=…"
    if is_weak and "<locals>" in name_of(receiver):
        yield (
            "is a local function that nothing else keeps: connect it with weak=False, "
            "or it vanishes"
        )
    if not _takes_any_keyword(receiver):
        yield "does not take **kwargs, which Django checks only under DEBUG"
    if times > 1:
        yield f"is connected {times} times for this sender, and runs as often"


def _labels_of_senders() -> dict[Any, str]:
    models = apps.get_models(include_auto_created=True, include_swapped=True)
    labels: dict[Any, str] = {id(model): model._meta.label for model in models}
    labels |= {id(app): app.name for app in apps.get_app_configs()}
    return labels | {NONE_ID: ANY_SENDER}


def _dereferenced(kept: Any) -> Receiver | None:
    return kept() if isinstance(kept, weakref.ReferenceType) else kept


def _code(receiver: Receiver | None) -> object:
    """Give what two functions made by the same lines have in common."""
    if receiver is None or inspect.ismethod(receiver):
        return receiver  # A method is another one for each object.
    function = inspect.unwrap(receiver)
    return getattr(function, "__code__", function)


def _takes_any_keyword(receiver: Receiver) -> bool:
    parameters = inspect.signature(receiver).parameters.values()
    return any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters)


def _place(receiver: Receiver) -> str:
    code = getattr(inspect.unwrap(receiver), "__code__", None)
    if code is None:
        return "?"
    path = code.co_filename.rpartition("site-packages/")[2]
    path = path.removeprefix(f"{Path.cwd()}/")
    return f"{path}:{code.co_firstlineno}"


def server_timing(calls: Iterable[Call]) -> str:
    """Give the header ``Server-Timing``, which browsers show beside the network."""
    elapsed_ms: dict[tuple[Signal, Receiver], list[float]] = {}
    for call in calls:
        elapsed_ms.setdefault((call.signal, call.receiver), []).append(call.elapsed_ms)
    return ", ".join(
        f'{_short_name(signal)};desc="{name_of(receiver)} x{len(times)}";'
        f"dur={sum(times):.3f}"
        for (signal, receiver), times in elapsed_ms.items()
    )


@lru_cache(maxsize=256)
def _short_name(signal: Signal) -> str:
    for name, found in all_signals().items():
        if found is signal:
            return name.rpartition(".")[2]
    return "signal"

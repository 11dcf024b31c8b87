"""Listening to signals for the length of a test."""

from contextlib import contextmanager

from core import signals

FLASKS = (
    "appcontext_popped",
    "appcontext_pushed",
    "appcontext_tearing_down",
    "before_render_template",
    "got_request_exception",
    "message_flashed",
    "request_finished",
    "request_started",
    "request_tearing_down",
    "template_rendered",
)


@contextmanager
def listening(*names, note=lambda name, **named: name):
    """Collect what ``note`` makes of each signal sent, in their order."""
    heard = []

    def receiver_of(name):
        return lambda **named: heard.append(note(name, **named))

    receivers = {name: receiver_of(name) for name in names}
    for name, receiver in receivers.items():
        getattr(signals, name).connect(receiver)
    try:
        yield heard
    finally:
        for name, receiver in receivers.items():
            getattr(signals, name).disconnect(receiver)

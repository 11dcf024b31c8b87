import logging
import re
from pathlib import Path

import pytest
from django.dispatch import Signal, receiver

from core import signals

GUIDE = Path(__file__).parents[2] / "docs" / "signals.md"


def definitions():
    return {n: s for n, s in vars(signals).items() if isinstance(s, Signal)}


@pytest.fixture
def run_example():
    """Run one of the guide's examples; its receiver is disconnected afterwards."""
    connected = []

    def run(name):
        blocks = re.findall(r"```python\n(.*?)```", GUIDE.read_text(), re.DOTALL)
        (code,) = [block for block in blocks if f"def {name}(" in block]
        names = definitions() | {"receiver": receiver, "logger": logging.getLogger()}
        exec(code, names)
        (uid,) = re.findall(r'dispatch_uid="(.*)"', code)
        (signal,) = [names[n] for n in re.findall(r"@receiver\((\w+)", code)]
        connected.append((signal, uid, names))

    yield run
    for signal, uid, _names in connected:
        signal.disconnect(dispatch_uid=uid)


def test_guide_names_flasks_signals_and_session_set():
    rows = re.findall(r"^\| `(\w+)` \|", GUIDE.read_text(), re.MULTILINE)

    assert set(rows) <= definitions().keys() | {"g", "ContextCommand"}
    assert len(set(rows) & definitions().keys()) == 11


def test_receiver_of_the_guide_listens(run_example, caplog):
    caplog.set_level(logging.INFO)
    run_example("count_failures")

    signals.message_flashed.send_robust(None, message="saved", category="success")
    assert caplog.text == ""
    signals.message_flashed.send_robust(None, message="failed", category="error")

    assert "somebody was shown an error" in caplog.text


def test_receiver_of_a_session_key_listens(run_example, caplog):
    caplog.set_level(logging.INFO)
    run_example("cart_changed")

    for key in ("theme", "cart"):
        signals.session_set.send_robust(None, session={}, key=key, value="secret")

    assert caplog.messages == ["a cart was changed"]

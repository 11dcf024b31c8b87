import functools
import gc

import pytest
from django.dispatch import receiver as connected

from core.dispatch import Signal, name_of, traced


@pytest.fixture
def signal():
    return Signal(["size"])


def refuse(**kwargs):
    raise LookupError("no")


def test_connect_serves_as_a_decorator(signal):
    @signal.connect
    def receive(size, **kwargs):
        return size

    assert signal.send(None, size=3) == [(receive, 3)]


def test_djangos_decorator_connects_too(signal):
    @connected(signal)
    def receive(sender, size, **kwargs):
        return sender, size

    assert signal.send("shop", size=3) == [(receive, ("shop", 3))]


def test_second_registration_has_no_effect(signal):
    def receive(**kwargs):
        pass

    signal.connect(receive)
    signal.connect(receive)

    assert len(signal.send(None, size=3)) == 1


def takes_no_more(size, sender, signal):
    pass


def asks_for_what_is_not_sent(app, **kwargs):
    pass


async def is_a_coroutine(**kwargs):
    pass


@pytest.mark.parametrize(
    ("receiver", "sentence"),
    [
        (takes_no_more, "takes_no_more(size, sender, signal) does not take **kwargs"),
        (
            asks_for_what_is_not_sent,
            "asks_for_what_is_not_sent(app, **kwargs) cannot be called with the "
            "keyword arguments signal, sender, size: missing a required argument: "
            "'app'",
        ),
        (is_a_coroutine, "is_a_coroutine(**kwargs) is a coroutine function"),
    ],
)
def test_wrong_receiver_is_refused_when_it_is_connected(signal, receiver, sentence):
    with pytest.raises(TypeError) as refusal:
        signal.connect(receiver)

    assert sentence in str(refusal.value)
    assert signal.receivers == []


@pytest.mark.parametrize("failing", [refuse, functools.partial(refuse, x=1)])
def test_failing_receiver_is_logged_by_name_and_stops_nobody(signal, failing, caplog):
    received = []
    signal.connect(failing)
    signal.connect(lambda size, **kwargs: received.append(size), weak=False)

    signal.send_robust(None, size=3)

    assert received == [3]
    assert f"{__name__}.refuse failed" in caplog.text
    assert "LookupError: no" in caplog.text


def test_weak_local_receiver_vanishes_and_a_strong_one_stays(signal):
    signal.connect(lambda **kwargs: "weak")
    signal.connect(lambda **kwargs: "strong", weak=False)
    gc.collect()

    assert [answer for _, answer in signal.send(None, size=3)] == ["strong"]


def test_trace_notes_calls_in_its_block_alone(signal):
    signal.connect(refuse)
    signal.send_robust(None, size=1)

    with traced() as calls:
        signal.send_robust(None, size=2)
    signal.send_robust(None, size=3)

    ((traced_signal, receiver, elapsed_ms),) = calls
    assert (traced_signal, receiver) == (signal, refuse)
    assert elapsed_ms > 0


class Shop:
    def sell(self, **kwargs):
        pass

    def __call__(self, **kwargs):
        pass


@pytest.mark.parametrize(
    ("receiver", "name"),
    [
        (refuse, "refuse"),
        (functools.partial(refuse), "refuse"),
        (Shop().sell, "Shop.sell"),
        (Shop(), "Shop"),
    ],
)
def test_name_of_a_receiver(receiver, name):
    assert name_of(receiver) == f"{__name__}.{name}"

import threading

from core.caching.stores import link
from core.caching.stores.link import Breaker


def test_one_caller_tries_after_a_failure():
    breaker = Breaker(0, lambda error: None)
    breaker.failed(OSError())

    assert not breaker.is_open


def test_others_are_refused_meanwhile():
    breaker = Breaker(60, lambda error: None)
    breaker.failed(OSError())

    assert breaker.is_open


def test_only_changes_are_told():
    told = []
    breaker = Breaker(60, told.append)
    failure = OSError()

    for call in (breaker.succeeded, lambda: breaker.failed(failure)):
        call()
        call()
    breaker.succeeded()

    assert told == [failure, None]


def test_success_of_another_thread_does_not_come_between(monkeypatch):
    breaker = Breaker(60, lambda error: None)
    breaker.failed(OSError())
    has_succeeded = threading.Event()

    def succeed():
        breaker.succeeded()
        has_succeeded.set()

    def monotonic():
        # Asked for by is_open, which has looked and is about to compare.
        threading.Thread(target=succeed).start()
        assert not has_succeeded.wait(0.2)
        return 0.0

    with monkeypatch.context() as patch:
        patch.setattr(link.time, "monotonic", monotonic)
        is_open = breaker.is_open

    assert is_open
    assert has_succeeded.wait(10)

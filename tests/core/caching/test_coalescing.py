import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from core.caching.coalescing import Coalescer
from tests.waiting import wait_until


class Source:
    """Answers with the number of the read, when it is let go."""

    def __init__(self):
        self.begun = 0
        self.go = threading.Event()

    def __call__(self):
        self.begun += 1
        number = self.begun
        assert self.go.wait(10)
        return str(number).encode()


@pytest.fixture
def pool():
    with ThreadPoolExecutor(50) as pool:
        yield pool


def test_joins_only_a_read_that_has_not_begun(pool):
    coalescer, source = Coalescer(), Source()
    first = pool.submit(coalescer.read, "k", source)
    wait_until(lambda: source.begun == 1)

    others = [pool.submit(coalescer.read, "k", source) for _ in range(49)]
    wait_until(lambda: "k" in coalescer._waiting)
    source.go.set()

    assert first.result(10) == b"1"
    assert {other.result(10) for other in others} == {b"2"}
    assert source.begun == 2


def test_keys_do_not_wait_for_each_other(pool):
    coalescer, slow = Coalescer(), Source()
    first = pool.submit(coalescer.read, "slow", slow)
    wait_until(lambda: slow.begun == 1)

    assert coalescer.read("quick", lambda: b"answer") == b"answer"

    slow.go.set()
    assert first.result(10) == b"1"


def test_error_reaches_each_who_joined(pool):
    coalescer, source = Coalescer(), Source()
    first = pool.submit(coalescer.read, "k", source)
    wait_until(lambda: source.begun == 1)

    others = [pool.submit(coalescer.read, "k", lambda: 1 // 0) for _ in range(9)]
    wait_until(lambda: "k" in coalescer._waiting)
    source.go.set()

    assert first.result(10) == b"1"
    for other in others:
        with pytest.raises(ZeroDivisionError):
            other.result(10)


def test_stopped_reader_leaves_the_read_to_another(pool):
    def stop():
        raise SystemExit

    coalescer = Coalescer()

    with pytest.raises(SystemExit):
        coalescer.read("k", stop)

    assert coalescer.read("k", lambda: b"next") == b"next"
    assert not coalescer._waiting and not coalescer._running

"""Real processes that read and write through the cache, forked from the test."""

import multiprocessing
import random
import time
import traceback
from contextlib import contextmanager

from django.core.cache import cache
from django.db import connections, transaction

from articles.models import Banner
from core.caching import get_or_build
from tests.factories import make_banner
from tests.waiting import wait_until

fork = multiprocessing.get_context("fork")


@contextmanager
def running(*functions):
    """Run each function in a process of its own; killed if still alive at the end."""
    connections.close_all()
    processes = [fork.Process(target=_run, args=[function]) for function in functions]
    for process in processes:
        process.start()
    try:
        yield processes
    finally:
        for process in processes:
            process.kill()
            process.join()


def run(*functions, timeout=30):
    """Run functions in processes to their end; give their exit codes."""
    with running(*functions) as processes:
        for process in processes:
            process.join(timeout)
        return [process.exitcode for process in processes]


def _run(function):
    try:
        function()
    except BaseException:
        traceback.print_exc()
        raise
    finally:
        connections.close_all()


@contextmanager
def remote(function):
    """Call a function in another process, again and again."""
    here, there = fork.Pipe()

    def serve():
        while True:
            there.send(function(*there.recv()))

    def call(*args):
        here.send(args)
        assert here.poll(20), "no answer from the other process"
        return here.recv()

    with running(serve):
        yield call


def number_of(pk):
    number = int(Banner.objects.values_list("text", flat=True).get(pk=pk))
    # As long as a page takes: in this time a commit makes the number outdated.
    time.sleep(random.random() * 0.004)
    return number


def read_coherently(pk):
    tag = f"articles.banner:{pk}"
    return get_or_build(f"number:{pk}", lambda: number_of(pk), tags=[tag])


def read_naively(pk):
    """Read as most sites do; ``write_naively`` deletes on commit."""
    key = f"naive:{pk}"
    value = cache.get(key)
    if value is None:
        value = number_of(pk)
        cache.set(key, value, 300)
    return value


def write(pk, number):
    with transaction.atomic():
        Banner(pk=pk, title="x", text=str(number)).save(force_update=True)


def write_naively(pk, number):
    with transaction.atomic():
        write(pk, number)
        transaction.on_commit(lambda: cache.delete(f"naive:{pk}"))


class Traffic:
    """Writers count up rows; readers look for numbers they know to be outdated.

    ``committed`` has, per row, the last number whose commit was acknowledged. A read
    is stale if its value is below what stood there before the read began. Inside of
    a transaction it is torn if it does not lie between two reads of the row itself,
    which are the same where a transaction keeps to the state of its first read.
    """

    ROWS = 4

    def __init__(
        self, read=read_coherently, write=write, writers=2, readers=3, transactions=0
    ):
        self.read, self.write = read, write
        self.rows = [make_banner(text="0").pk for _ in range(self.ROWS)]
        # Without a lock, which a killed writer would keep; each row has one writer.
        self.committed = fork.Array("q", self.ROWS, lock=False)
        self.reads, self.stale = fork.Value("q"), fork.Value("q")
        self.torn = fork.Value("q")
        self.is_over = fork.Event()
        self._functions = [self.reader(n) for n in range(readers)]
        self._functions += [self.transaction(n) for n in range(transactions)]
        self._functions += [
            self.writer(n, range(n, self.ROWS, writers)) for n in range(writers)
        ]

    def run(self, until):
        """Let the processes work until the condition holds, and end in good order."""
        with running(*self._functions) as processes:
            until(self)
            self.is_over.set()
            for process in processes:
                process.join(20)
            assert [process.exitcode for process in processes] == [0] * len(processes)

    def await_commits(self, number):
        wanted = sum(self.committed) + number
        wait_until(lambda: sum(self.committed) >= wanted, timeout=60, what="commits")

    def at_rest(self):
        """Count rows whose cached number is outdated now that all is quiet."""
        pairs = zip(self.rows, self.committed, strict=True)
        return sum(self.read(pk) < number for pk, number in pairs)

    def writer(self, number, indices):
        def write():
            rng = random.Random(number)
            while not self.is_over.is_set():
                index = rng.choice(indices)
                self.write(self.rows[index], self.committed[index] + 1)
                self.committed[index] += 1
                time.sleep(rng.random() * 0.01)

        return write

    def reader(self, number):
        def read():
            rng = random.Random(number)
            while not self.is_over.is_set():
                index = rng.randrange(self.ROWS)
                known = self.committed[index]
                self._count(self.read(self.rows[index]), known)

        return read

    def transaction(self, number):
        def read():
            rng = random.Random(number)
            while not self.is_over.is_set():
                index = rng.randrange(self.ROWS)
                pk, known = self.rows[index], self.committed[index]
                with transaction.atomic():
                    first, value, last = number_of(pk), self.read(pk), number_of(pk)
                self._count(value, known, is_torn=not first <= value <= last)

        return read

    def _count(self, value, known, *, is_torn=False):
        counts = (self.reads, True), (self.stale, value < known), (self.torn, is_torn)
        for count, is_one in counts:
            with count.get_lock():
                count.value += is_one

"""Two processes write four rows, two of six threads each read them through a cache.

usage: stale_traffic.py CONTENDER SECONDS READS KILLS_EACH

Runs for so many seconds, and on until there were so many reads. Every so many
seconds (0: never) a writer is killed and started anew: by turns at any moment, and
between COMMIT and whatever the contender does after it. Both end like that.

A read is stale if its value is older than a commit that the database had
acknowledged before the read began. Prints one JSON object.
"""

import ctypes
import itertools
import json
import multiprocessing
import os
import random
import signal
import sys
import threading
import time

from tests.benchmarks.stale_contenders import REDIS, set_up

ROWS, WRITERS, READERS, THREADS = 4, 2, 2, 6
fork = multiprocessing.get_context("fork")


class Board:
    """What the processes share; each cell has one writer, so none needs a lock."""

    def __init__(self) -> None:
        self.committed = fork.RawArray(ctypes.c_int64, ROWS + 1)
        self.reads = fork.RawArray(ctypes.c_int64, READERS * THREADS)
        self.stale = fork.RawArray(ctypes.c_int64, READERS * THREADS)
        self.used = fork.RawArray(ctypes.c_double, READERS)
        self.is_doomed = fork.RawArray(ctypes.c_bool, WRITERS)
        self.is_over = fork.RawValue(ctypes.c_bool)


def write(board: Board, number: int) -> None:
    from django.db import connection, transaction
    from django.db.backends.base.base import BaseDatabaseWrapper

    from tests.benchmarks.models import Item

    connection.close()
    rng = random.Random(os.getpid())
    values = values_in_database()
    commit = BaseDatabaseWrapper._commit

    def commit_and_die(wrapper) -> None:
        commit(wrapper)
        board.committed[pk] = values[pk]
        os.kill(os.getpid(), signal.SIGKILL)

    while not board.is_over.value:
        pk = rng.choice(range(number + 1, ROWS + 1, WRITERS))
        values[pk] += 1
        if board.is_doomed[number]:
            BaseDatabaseWrapper._commit = commit_and_die
        with transaction.atomic():
            Item(pk=pk, value=values[pk]).save(force_update=True)
        board.committed[pk] = values[pk]
        time.sleep(rng.random() * 0.01)


def values_in_database() -> dict[int, int]:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT id, value FROM bench_item")
        return dict(cursor.fetchall())


def read(board: Board, number: int, read_row) -> None:
    from django.db import connection

    connection.close()
    used_before = time.process_time()

    def loop(place: int) -> None:
        rng = random.Random(place)
        while not board.is_over.value:
            pk = rng.randint(1, ROWS)
            known = board.committed[pk]
            board.stale[place] += read_row(pk) < known
            board.reads[place] += 1

    places = range(number * THREADS, (number + 1) * THREADS)
    threads = [threading.Thread(target=loop, args=[place]) for place in places]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    board.used[number] = time.process_time() - used_before


class Writers:
    """The writing processes, and their deaths."""

    def __init__(self, board: Board) -> None:
        self.board = board
        self.killed = 0
        self.processes = [self._started(number) for number in range(WRITERS)]
        self._turns = itertools.cycle(itertools.product([False, True], range(WRITERS)))

    def kill_next(self) -> None:
        is_after_commit, number = next(self._turns)
        if is_after_commit:
            self.kill_after_commit(number)
        else:
            self.processes[number].kill()
            self.processes[number].join()
            self.killed += 1
        self.processes[number] = self._started(number)

    def kill_after_commit(self, number: int) -> None:
        self.board.is_doomed[number] = True
        self.processes[number].join(30)
        assert self.processes[number].exitcode == -signal.SIGKILL
        self.board.is_doomed[number] = False
        self.killed += 1

    def _started(self, number: int):
        process = fork.Process(target=write, args=[self.board, number])
        process.start()
        return process


def run(board: Board, read_row, seconds: float, reads: int, kills_each: float) -> dict:
    from django.db import connection

    connection.close()
    readers = [
        fork.Process(target=read, args=[board, number, read_row])
        for number in range(READERS)
    ]
    for process in readers:
        process.start()
    writers = Writers(board)
    time.sleep(1)
    began, reads_before = time.monotonic(), sum(board.reads)
    kill_at = began + kills_each
    while time.monotonic() < began + seconds or sum(board.reads) < reads:
        time.sleep(0.05)
        assert all(process.is_alive() for process in readers + writers.processes)
        if kills_each and time.monotonic() > kill_at:
            writers.kill_next()
            kill_at += kills_each
    per_second = (sum(board.reads) - reads_before) / (time.monotonic() - began)
    if kills_each:
        for number in range(WRITERS):
            writers.kill_after_commit(number)
    board.is_over.value = True
    for process in readers + writers.processes:
        process.join(60)
    assert all(process.exitcode == 0 for process in readers)
    per_used = sum(board.reads) / sum(board.used)
    return {
        "per_second": per_second,
        "per_processor_second": per_used,
        "killed": writers.killed,
    }


def wait_until_cached(read_row) -> None:
    """A cache that starts on an empty Redis may take a while to trust it."""
    from django.db import connection

    deadline = time.monotonic() + 30
    read_row(1)
    while time.monotonic() < deadline:
        queries = []

        def count(execute, sql, params, many, context, queries=queries):
            queries.append(sql)
            return execute(sql, params, many, context)

        with connection.execute_wrapper(count):
            read_row(1)
        if not queries:
            return
        time.sleep(0.1)
    raise TimeoutError("a row that nobody writes is not cached")


def main() -> None:
    contender, seconds, reads, kills_each = sys.argv[1:]
    read_row = set_up(contender)
    if contender != "inkstone":  # It has no need to.
        import redis

        redis.Redis.from_url(REDIS).flushdb()
    board = Board()
    for pk, value in values_in_database().items():
        board.committed[pk] = value
    wait_until_cached(read_row)
    result = run(board, read_row, float(seconds), int(reads), float(kills_each))
    true = values_in_database()
    at_rest = sum(read_row(pk) < true[pk] for pk in true)
    counted = {"reads": sum(board.reads), "stale": sum(board.stale)}
    print(json.dumps(result | counted | {"at_rest": at_rest}))


if __name__ == "__main__":
    main()

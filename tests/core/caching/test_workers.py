"""Two gunicorn workers, each with a memory of its own: what one writes, all read."""

import http.client
import os
import socket
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connections

from tests.factories import make_banner
from tests.waiting import wait_until

WRITES = 100


class Worker:
    """A kept connection, at the other end of which is one of the workers."""

    def __init__(self, port):
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        self.pid = self._ask("GET", "/pid")

    def write(self, banner, number):
        assert self._ask("POST", f"/write/{banner.pk}/{number}") == number

    def read(self, banner, way="coherent"):
        return self._ask("GET", f"/{way}/{banner.pk}")

    def _ask(self, method, path):
        self.connection.request(method, path)
        response = self.connection.getresponse()
        assert response.status == 200
        return int(response.read())


@pytest.fixture
def banner(transactional_db):
    return make_banner(text="0")


@pytest.fixture
def port(banner):
    """Run gunicorn with two workers on the test database, with local memory."""
    connections.close_all()
    listener = socket.create_server(("127.0.0.1", 0))
    command = [
        *(sys.executable, "-m", "gunicorn", "--workers=2"),
        *("--worker-class=gthread", "--threads=8", "--keep-alive=60"),
        f"--bind=fd://{listener.fileno()}",
        "--worker-tmp-dir=/dev/shm",
        "--no-control-socket",
        "tests.core.caching.workers:application",
    ]
    with subprocess.Popen(
        command,
        env=os.environ | {"REDIS_URL": ""},
        pass_fds=[listener.fileno()],
        stderr=subprocess.PIPE,
        text=True,
    ) as master:
        try:
            yield listener.getsockname()[1]
        finally:
            master.terminate()
            _, log = master.communicate(timeout=30)
            listener.close()
    assert master.returncode == 0, log


@pytest.fixture
def workers(port):
    """Give two connections to each of the two workers."""
    found = {}

    def connect():
        worker = Worker(port)
        found.setdefault(worker.pid, []).append(worker)
        return len(found) == 2 and all(len(several) > 1 for several in found.values())

    wait_until(connect, timeout=60, what="connections to both workers")
    yield [worker for several in found.values() for worker in several[:2]]
    for worker in sum(found.values(), []):
        worker.connection.close()


def test_what_one_worker_has_written_all_read(workers, banner):
    for worker in workers:
        worker.read(banner)

    for number in range(1, 11):
        workers[number % 4].write(banner, number)

        assert [worker.read(banner) for worker in workers] == [number] * 4


def test_control_memory_of_the_other_worker_is_not_deleted(workers, banner):
    first, _, second, _ = workers
    assert [first.read(banner, "aside"), second.read(banner, "aside")] == [0, 0]

    first.write(banner, 1)

    assert [first.read(banner, "aside"), second.read(banner, "aside")] == [1, 0]


def test_no_answer_is_older_than_a_write_that_was_answered_before(workers, banner):
    """One worker writes without a break; both are read from meanwhile."""
    writer, *readers = workers
    answered, is_over = [0], threading.Event()

    def read(worker):
        stale = reads = 0
        while not is_over.is_set():
            known = answered[0]
            stale += worker.read(banner) < known
            reads += 1
        return stale, reads

    with ThreadPoolExecutor(3) as pool:
        found = [pool.submit(read, worker) for worker in readers]
        try:
            for number in range(1, WRITES + 1):
                writer.write(banner, number)
                answered[0] = number
        finally:
            is_over.set()

    assert [reader.result()[0] for reader in found] == [0, 0, 0]
    assert all(reader.result()[1] > 0 for reader in found)

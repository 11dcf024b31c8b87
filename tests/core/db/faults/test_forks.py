"""Processes that fork: every one works on connections of its own."""

import http.client
import json
import os
import signal
import socket
import subprocess
import sys

import pytest

from tests.core.db.faults.harness import NAIVE_ENGINE, PLAIN_ENGINE
from tests.waiting import wait_until

PROGRAM = "forks"
WAYS = ["fork", "multiprocessing"]


@pytest.mark.parametrize("way", WAYS)
def test_child_has_connections_of_its_own_and_leaves_the_parents_alone(run, way):
    found = run(PROGRAM, "fork_idle_and_borrowed", way)

    assert found["after"] == found["before"]
    assert found["child"] != found["before"]
    assert found["exit"] == 0


def test_control_child_of_plain_django_ends_the_session_of_its_parent(run_to_end):
    ended = run_to_end(
        PROGRAM, "fork_idle_and_borrowed", "fork", engine=PLAIN_ENGINE, pool=None
    )

    assert ended.returncode != 0
    assert "Lost connection" in ended.stderr or "gone away" in ended.stderr


def test_control_child_of_raw_dbutils_undoes_what_its_parent_has_committed(run, root):
    found = run(PROGRAM, "fork_inside_atomic", "fork", engine=NAIVE_ENGINE)

    assert found["error"] is None
    # The parent's COMMIT succeeded; the child had rolled back in the same session.
    assert root.entries() == ["hook in True"]


def test_child_cannot_write_into_a_transaction_of_its_parent(run, root):
    found = run(PROGRAM, "fork_inside_atomic", "fork")

    assert "Cannot open a new connection in an atomic block" in found["error"]
    assert found["after"] == found["before"]
    assert root.entries() == ["of the parent", "hook in True"]


def test_child_that_leaves_the_block_of_its_parent_commits_nothing(run, root):
    found = run(PROGRAM, "fork_and_leave_atomic", "fork")

    assert found["exit"] == 0
    assert sorted(root.entries()) == [
        "hook in parent: True",
        "of the child",
        "of the parent",
    ]


@pytest.mark.parametrize("way", WAYS)
def test_fork_while_another_thread_holds_the_lock_of_the_pool(run, way):
    found = run(PROGRAM, "fork_while_locked", way)

    assert found["child"] != found["before"]
    assert found["exit"] == 0


@pytest.mark.parametrize("way", WAYS)
def test_fork_while_another_thread_waits_for_a_reply(run, way):
    found = run(PROGRAM, "fork_while_another_thread_reads", way)

    assert found["child"] != found["before"]
    assert found["read"] == "mine"
    assert found["exit"] == 0


@pytest.fixture
def gunicorn(environment, tmp_path):
    """Run gunicorn with a preloaded site; give its port and the master's session."""
    first_session = tmp_path / "first_session"
    listener = socket.create_server(("127.0.0.1", 0))
    command = [
        *(sys.executable, "-m", "gunicorn", "--preload", "--workers=2"),
        f"--bind=fd://{listener.fileno()}",
        "--worker-tmp-dir=/dev/shm",
        "--no-control-socket",
        "tests.core.db.faults.programs.preloaded:application",
    ]
    with subprocess.Popen(
        command,
        env=environment("core.db.mysql", True) | {"SESSION_FILE": str(first_session)},
        pass_fds=[listener.fileno()],
        stderr=subprocess.PIPE,
        text=True,
    ) as master:
        try:
            yield listener.getsockname()[1], first_session
        finally:
            master.terminate()
            _, log = master.communicate(timeout=30)
            listener.close()
    assert master.returncode == 0, log


def get(port, path):
    client = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    client.request("GET", path, headers={"Connection": "close"})
    found = json.loads(client.getresponse().read())
    client.close()
    return found


def test_workers_of_a_preloaded_site_leave_the_masters_session_alone(gunicorn, root):
    port, first_session = gunicorn
    first = get(port, "/rows/1")
    of_master = int(first_session.read_text())

    os.kill(first["pid"], signal.SIGTERM)
    wait_until(lambda: first["connection"] not in root.processes())

    assert get(port, "/rows/2")["row"] == 2
    assert first["connection"] != of_master
    assert of_master in root.processes()

import json
import socket
import subprocess
import sys
import urllib.request
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.waiting import wait_until

ROOT = Path(__file__).parents[2]


@contextmanager
def serving(log, *options):
    """Run gunicorn as in production; what it writes goes to the file ``log``."""
    with socket.socket() as listener, log.open("w") as output:
        listener.bind(("127.0.0.1", 0))
        process = subprocess.Popen(
            [
                *(sys.executable, "-m", "gunicorn", "-c", "config/gunicorn.conf.py"),
                *("--bind", f"fd://{listener.fileno()}", *options),
            ],
            cwd=ROOT,
            pass_fds=[listener.fileno()],
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        try:
            address = f"http://127.0.0.1:{listener.getsockname()[1]}"
            wait_until(lambda: "Booting worker" in log.read_text(), timeout=30)
            yield address
        finally:
            process.terminate()
            process.wait(30)


@pytest.mark.parametrize("worker", ["gthread", "gevent"])
def test_every_line_of_gunicorn_is_json_and_names_the_request(tmp_path, worker):
    log = tmp_path / "log"

    with serving(log, "--access-logfile", "-", "-k", worker) as address:
        url = f"{address}/healthz?email=mei@a.example"
        with urllib.request.urlopen(url, timeout=30) as response:
            request_id = response.headers["X-Request-ID"]

    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert "gunicorn.error" in {line["logger"] for line in lines}
    (access,) = [line for line in lines if line["logger"] == "gunicorn.access"]
    assert access["request_id"] == request_id
    assert access["message"].startswith("GET /healthz 200 ")
    assert "mei@" not in str(lines)


def test_no_line_per_request_unless_asked_for(tmp_path):
    log = tmp_path / "log"

    with serving(log) as address, urllib.request.urlopen(f"{address}/healthz"):
        pass

    assert "gunicorn.access" not in log.read_text()

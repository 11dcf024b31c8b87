"""The site behind gunicorn, with the configuration of production."""

import os
import socket
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

from tests.waiting import wait_until

ROOT = Path(__file__).parents[1]


@contextmanager
def serving(log, *options, **variables):
    """Run gunicorn and give its address; what it writes goes to the file ``log``."""
    with socket.socket() as listener, log.open("w") as output:
        listener.bind(("127.0.0.1", 0))
        process = subprocess.Popen(
            [
                *(sys.executable, "-m", "gunicorn", "-c", "config/gunicorn.conf.py"),
                *("--bind", f"fd://{listener.fileno()}", *options),
            ],
            cwd=ROOT,
            env=os.environ | variables,
            pass_fds=[listener.fileno()],
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        try:
            wait_until(lambda: "Booting worker" in log.read_text(), timeout=30)
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            process.terminate()
            process.wait(30)

"""Runs one server for a test process and outlives that process to clean up.

The parent writes commands to standard input, one JSON list per line, and reads one
JSON reply to each. When the parent is gone, however it ended, the server is killed
and its folder removed. A program of its own can promise that: an exit handler does
not run after kill -9, and PR_SET_PDEATHSIG fires when the forking *thread* ends.
"""

import json
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

# The path of a unix socket may have 107 bytes on Linux, 103 on macOS.
LONGEST_TEMPORARY_FOLDER = 60


class Supervisor:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.server: subprocess.Popen[bytes] | None = None
        self.is_frozen = False

    def start(self, command: list[str], env: dict[str, str], stdin: str) -> int:
        assert self.server is None or self.server.poll() is not None, "still running"
        with (self.folder / "log").open("ab") as log, open(stdin, "rb") as source:
            self.server = subprocess.Popen(
                command, env=env, cwd=self.folder, stdin=source, stdout=log, stderr=log
            )
        return self.server.pid

    def poll(self) -> int | None:
        """Give the exit status once the server has ended."""
        assert self.server
        return self.server.poll()

    def signal(self, number: int) -> None:
        """Send a signal; a server that is told to stop has stopped on return."""
        assert self.server
        # Only this process reaps the server, so the id cannot be another's yet.
        self.server.send_signal(number)
        is_running = self.server.poll() is None and not self.is_frozen
        self.is_frozen = number == signal.SIGSTOP
        if self.is_frozen and is_running:
            os.waitpid(self.server.pid, os.WUNTRACED)

    def clean_up(self) -> None:
        if self.server:
            self.server.kill()
            self.server.wait()
        shutil.rmtree(self.folder)


def commands_of(parent: int) -> Iterator[list[Any]]:
    """Yield commands until the pipe closes or the parent process is gone.

    The second is needed because children the parent forked hold the pipe open too.
    """
    while os.getppid() == parent:
        if select.select([sys.stdin], [], [], 0.5)[0]:
            line = sys.stdin.readline()
            if not line.endswith("\n"):
                return
            yield json.loads(line)


def reply(value: object) -> None:
    os.write(sys.stdout.fileno(), json.dumps(value).encode() + b"\n")


def main() -> None:
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        # Not SIG_IGN, which the server would inherit.
        signal.signal(number, lambda number, frame: None)
    base = tempfile.gettempdir()
    base = base if len(base) <= LONGEST_TEMPORARY_FOLDER else "/tmp"
    supervisor = Supervisor(Path(tempfile.mkdtemp(prefix="inkstone-", dir=base)))
    try:
        reply(str(supervisor.folder))
        for name, *arguments in commands_of(parent=int(sys.argv[1])):
            reply(getattr(supervisor, name)(*arguments))
    except BrokenPipeError:
        pass  # The parent went away between its command and the reply.
    finally:
        supervisor.clean_up()


if __name__ == "__main__":
    main()

"""Private MariaDB and Redis servers that a test may kill, freeze and restart.

Each has a folder, a unix socket and a TCP port of its own and is gone, with its
folder, when it is closed or when the test process ends (tests/supervisor.py).
"""

import json
import os
import random
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import pymysql
import redis

from tests import supervisor
from tests.binaries import environment, find_mariadbd, find_redis_server
from tests.time_zones import time_zone_statements
from tests.waiting import wait_until

START_SECONDS = 60
STOP_SECONDS = 60
# Below the ports the system gives to outgoing connections: while a server is down,
# no client may get its port, not even one that is trying to connect to it.
PORTS = range(20_000, 32_000)


class ServerFailed(Exception):
    """A server did not start or end as it should; the message says why."""


class Server:
    """A server program under supervision; ``options`` are those of its command line.

    Underscores become hyphens: ``MariaDB(wait_timeout=2)``, ``Redis(maxclients=5)``.
    """

    find_binary: Callable[[], Path]

    def __init__(self, **options: object) -> None:
        self.options = {name.replace("_", "-"): v for name, v in options.items()}
        self.binary = self.find_binary()
        self.port = _free_port()
        self.pid = 0
        self._conversation = threading.Lock()
        self._supervisor = subprocess.Popen(
            [sys.executable, "-I", supervisor.__file__, str(os.getpid())],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            # Ctrl-C goes to the test process alone, which still needs its servers.
            start_new_session=True,
        )
        self.folder = Path(self._read_reply())
        self.data = self.folder / "data"

    def initialize(self) -> None:
        """Fill the empty data folder."""

    def command(self) -> list[str]:
        raise NotImplementedError

    def ping(self) -> None:
        """Get one answer from the server, or raise what the driver raises."""
        raise NotImplementedError

    @property
    def socket(self) -> str:
        return str(self.folder / "socket")

    @property
    def log(self) -> str:
        return (self.folder / "log").read_text(errors="replace")

    def start(self) -> None:
        """Start the server and wait until it answers."""
        if not self.data.exists():
            self.data.mkdir()
            self.initialize()
        self._launch(self.command())
        self._await(self._is_ready, "ready", START_SECONDS)

    def stop(self) -> None:
        """Shut down in good order; the data stays for the next start."""
        self.resume()
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End the server at once, like a crash; the data stays."""
        self._end(signal.SIGKILL)

    def freeze(self) -> None:
        """Let the server accept connections and answer nothing."""
        self._ask("signal", signal.SIGSTOP)

    def resume(self) -> None:
        self._ask("signal", signal.SIGCONT)

    def restart(self) -> None:
        """Stop and start with the same data on the same port."""
        self.stop()
        self.start()

    def close(self) -> None:
        """End the server for good and remove its folder."""
        self._supervisor.communicate()
        if self._supervisor.returncode:
            raise ServerFailed(f"{self.folder} could not be removed")

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def _end(self, number: signal.Signals) -> None:
        self._ask("signal", number)
        self._await(self._has_ended, "ended", STOP_SECONDS)

    def _launch(self, command: list[str], stdin: str = os.devnull) -> None:
        self.pid = self._ask("start", command, environment(self.binary), stdin)

    def _ask(self, *command: object) -> Any:
        with self._conversation:
            assert self._supervisor.stdin
            self._supervisor.stdin.write(json.dumps(command) + "\n")
            self._supervisor.stdin.flush()
            return self._read_reply()

    def _read_reply(self) -> Any:
        assert self._supervisor.stdout
        line = self._supervisor.stdout.readline()
        if not line:
            raise ServerFailed(f"{self.binary}: its supervisor ended")
        return json.loads(line)

    def _has_ended(self) -> bool:
        return self._ask("poll") is not None

    def _is_ready(self) -> bool:
        if (status := self._ask("poll")) is not None:
            raise ServerFailed(self._with_log(f"ended with status {status}"))
        try:
            self.ping()
        except (pymysql.OperationalError, redis.ConnectionError, redis.TimeoutError):
            return False
        return True

    def _await(self, condition: Callable[[], bool], what: str, seconds: float) -> None:
        try:
            wait_until(condition, timeout=seconds)
        except TimeoutError:
            message = self._with_log(f"not {what} within {seconds} seconds")
            raise ServerFailed(message) from None

    def _with_log(self, message: str) -> str:
        tail = "\n".join(self.log.splitlines()[-20:])
        return f"{self.binary} {message}. Its log ends:\n{tail}"


class MariaDB(Server):
    database = "inkstone"
    find_binary = staticmethod(find_mariadbd)

    @property
    def url(self) -> str:
        return f"mysql://root@127.0.0.1:{self.port}/{self.database}"

    @cached_property
    def version(self) -> str:
        with self.connect() as connection, connection.cursor() as cursor:
            cursor.execute("SELECT VERSION()")
            return f"MariaDB {cursor.fetchone()[0].partition('-')[0]}"

    def connect(self, **options: Any) -> Any:
        """Open a PyMySQL connection; ``options`` are its own."""
        return pymysql.connect(host="127.0.0.1", port=self.port, user="root", **options)

    def ping(self) -> None:
        with self.connect(connect_timeout=1, read_timeout=1) as connection:
            connection.cursor().execute("SELECT 1")

    def initialize(self) -> None:
        script = self.folder / "initialize.sql"
        script.write_text("\n".join([*self._system_tables(), *self._own_tables(), ""]))
        self._launch([*self._command(), "--bootstrap"], str(script))
        self._await(self._has_ended, "initialized", START_SECONDS)
        if status := self._ask("poll"):
            raise ServerFailed(self._with_log(f"ended with status {status}"))

    def command(self) -> list[str]:
        return [
            *self._command(),
            f"--socket={self.socket}",
            f"--port={self.port}",
            "--bind-address=127.0.0.1",
            "--skip-name-resolve",
            *[f"--{name}={value}" for name, value in self.options.items()],
        ]

    def _command(self) -> list[str]:
        return [
            str(self.binary),
            "--no-defaults",
            f"--basedir={self.binary.parent.parent}",
            f"--datadir={self.data}",
            f"--tmpdir={self.folder}",
            # Root has no password here: no SQL may write outside of the folder.
            f"--secure-file-priv={self.folder}",
            "--character-set-server=utf8mb4",
            "--innodb-buffer-pool-size=64M",
            "--innodb-log-file-size=32M",
            # A commit survives kill(), though not the crash of the machine.
            "--innodb-flush-log-at-trx-commit=2",
            *(["--user=root"] if os.getuid() == 0 else []),
        ]

    def _system_tables(self) -> list[str]:
        """Collect what mariadb-install-db would run; it takes seconds to do so."""
        share = self.binary.parent.parent / "share"
        names = "system_tables", "performance_tables", "system_tables_data"
        found = [next(share.glob(f"*/m*_{name}.sql"), None) for name in names]
        files = [file for file in found if file]
        if len(files) != len(names):
            raise ServerFailed(f"{share} lacks the system tables of {self.binary}")
        return [
            "CREATE DATABASE mysql;",
            "USE mysql;",
            "SET @auth_root_socket = NULL;",
            "SET @skip_auth_anonymous = 1;",
            *[file.read_text() for file in files],
        ]

    def _own_tables(self) -> list[str]:
        return [*time_zone_statements(), f"CREATE DATABASE {self.database};"]


class Redis(Server):
    """Keeps its data in memory: a start finds what save() wrote, or nothing."""

    find_binary = staticmethod(find_redis_server)

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    @cached_property
    def version(self) -> str:
        with self.connect() as client:
            found = client.info("server")
        name = found.get("server_name", "redis")
        return f"{name.capitalize()} {found[f'{name}_version']}"

    def connect(self, **options: Any) -> redis.Redis:
        """Open a redis-py client; ``options`` are its own."""
        return redis.Redis.from_url(self.url, **options)

    def ping(self) -> None:
        with self.connect(socket_timeout=1) as client:
            client.ping()

    def save(self) -> None:
        """Take the snapshot that every later start begins with."""
        with self.connect() as client:
            client.save()

    def command(self) -> list[str]:
        settings = {
            "port": self.port,
            "bind": "127.0.0.1",
            "unixsocket": self.socket,
            "dir": self.data,
            "save": "",
        } | self.options
        pairs = [[f"--{name}", str(value)] for name, value in settings.items()]
        return [str(self.binary), *sum(pairs, [])]


def _free_port() -> int:
    while True:
        port = random.choice(PORTS)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port

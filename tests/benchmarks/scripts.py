"""Run a contender in a process of its own, under Inkstone's or the peers' Python."""

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.servers import MariaDB

FOLDER = Path(__file__).parent
ROOT = FOLDER.parents[1]


def python_of(contender: str, peers_python: Path) -> Path:
    return Path(sys.executable) if contender == "inkstone" else peers_python


def environment(server: MariaDB, redis_url: str = "") -> dict[str, str]:
    """Tell a script where the servers are."""
    address = {
        "NAME": server.database,
        "USER": "root",
        "HOST": "127.0.0.1",
        "PORT": server.port,
        "OPTIONS": {"charset": "utf8mb4"},
    }
    own = {"BENCH_DATABASE": json.dumps(address), "BENCH_REDIS": redis_url}
    return {**os.environ, **own, "PYTHONPATH": str(ROOT)}


def run_script(
    server: MariaDB, python: Path, *command: object, redis_url: str = ""
) -> dict:
    """Give the JSON object that the script prints last."""
    name, *arguments = map(str, command)
    finished = subprocess.run(
        [python, FOLDER / name, *arguments],
        env=environment(server, redis_url),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return json.loads(finished.stdout.splitlines()[-1])

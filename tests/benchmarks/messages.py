"""Messages delivered per second: one worker, and two on the same table."""

import sys
from argparse import Namespace
from pathlib import Path

from tests.benchmarks.report import Results
from tests.benchmarks.scripts import run_script
from tests.servers import MariaDB

MESSAGES = 10_000
SLOW_MESSAGES = 400
SLOW_PROVIDER_MS = 20


def run(*, peers_python: Path, options: Namespace) -> None:
    with MariaDB() as server:
        measure(server, options.rounds, "dummy backend", MESSAGES, 0)
        title = f"provider that takes {SLOW_PROVIDER_MS} ms"
        measure(server, options.rounds, title, SLOW_MESSAGES, SLOW_PROVIDER_MS)


def measure(
    server: MariaDB, rounds: int, title: str, messages: int, provider_ms: int
) -> None:
    results = Results(f"messages through a {title}")
    for _ in range(rounds):
        for workers in (1, 2):
            command = "messages_rate.py", workers, messages, provider_ms
            result = run_script(server, Path(sys.executable), *command)
            results.add(f"{workers} worker(s)", result["per_second"])
    results.show_beside("1 worker(s)", unit="messages/s")

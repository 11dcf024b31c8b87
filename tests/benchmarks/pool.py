"""The pooled backend beside Django's own connections and other pools."""

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.benchmarks.report import Results
from tests.servers import MariaDB

FOLDER = Path(__file__).parent
ROOT = FOLDER.parents[1]
REQUESTS = {"connect": 400}
USUAL_REQUESTS = 8_000
PEERS = ["connect", "dj_db_conn_pool", "persistent+check", "persistent"]


def run(*, peers_python: Path, rounds: int) -> None:
    with MariaDB() as server:
        fill(server)
        for threads in (1, 8):
            results = Results(f"requests of one query, {threads} thread(s)")
            for _ in range(rounds):
                for mode in [*PEERS, "inkstone"]:
                    python = sys.executable if mode == "inkstone" else peers_python
                    results.add(mode, measure(server, python, mode, threads))
            results.show(unit="requests/s", ours="inkstone")
        show_gevent(server, rounds)


def fill(server: MariaDB) -> None:
    with server.connect(database=server.database) as connection:
        cursor = connection.cursor()
        cursor.execute(
            "CREATE TABLE bench_article"
            " (id INT PRIMARY KEY AUTO_INCREMENT, title VARCHAR(200), body TEXT)"
        )
        rows = [(f"title {number}", "x" * 2000) for number in range(1000)]
        cursor.executemany(
            "INSERT INTO bench_article (title, body) VALUES (%s, %s)", rows
        )
        connection.commit()


def measure(server: MariaDB, python: str | Path, mode: str, threads: int) -> float:
    requests = REQUESTS.get(mode, USUAL_REQUESTS)
    result = run_script(server, python, "request_cycle.py", mode, threads, requests)
    return float(result["per_second"])


def show_gevent(server: MariaDB, rounds: int) -> None:
    for _ in range(rounds):
        result = run_script(server, sys.executable, "gevent_storm.py", 1000, 10)
        print(
            f"gevent: {result['requests']} requests of 100 ms on a pool of 10: "
            f"{result['seconds']:.2f} s (ideal {result['ideal']:.1f} s), "
            f"{result['errors']} errors, at most {result['peak']} connections"
        )


def run_script(server: MariaDB, python: str | Path, *command: object) -> dict:
    address = {
        "NAME": server.database,
        "USER": "root",
        "HOST": "127.0.0.1",
        "PORT": server.port,
        "OPTIONS": {"charset": "utf8mb4"},
    }
    name, *arguments = map(str, command)
    finished = subprocess.run(
        [python, FOLDER / name, *arguments],
        env={
            **os.environ,
            "BENCH_DATABASE": json.dumps(address),
            "PYTHONPATH": str(ROOT),
        },
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return json.loads(finished.stdout.splitlines()[-1])

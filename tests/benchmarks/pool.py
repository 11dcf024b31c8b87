"""The pooled backend beside Django's own connections and other pools."""

import sys
from argparse import Namespace
from pathlib import Path
from threading import Thread
from time import perf_counter

from core.db.mysql.options import PoolOptions
from core.db.mysql.pool import MySQLPool
from tests.benchmarks.report import Results
from tests.benchmarks.scripts import python_of, run_script
from tests.servers import MariaDB
from tests.waiting import wait_until

REQUESTS = {"connect": 400}
USUAL_REQUESTS = 8_000
PEERS = ["connect", "dj_db_conn_pool", "persistent+check", "persistent"]


def run(*, peers_python: Path, options: Namespace) -> None:
    with MariaDB() as server:
        fill(server)
        for threads in (1, 8):
            results = Results(f"requests of one query, {threads} thread(s)")
            for _ in range(options.rounds):
                for mode in [*PEERS, "inkstone"]:
                    python = python_of(mode, peers_python)
                    results.add(mode, measure(server, python, mode, threads))
            results.show(unit="requests/s", ours="inkstone")
        show_gevent(server, options.rounds)
        show_return(server, options.rounds)


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


def measure(server: MariaDB, python: Path, mode: str, threads: int) -> float:
    requests = REQUESTS.get(mode, USUAL_REQUESTS)
    result = run_script(server, python, "request_cycle.py", mode, threads, requests)
    return float(result["per_second"])


def show_gevent(server: MariaDB, rounds: int) -> None:
    for _ in range(rounds):
        result = run_script(server, Path(sys.executable), "gevent_storm.py", 1000, 10)
        print(
            f"gevent: {result['requests']} requests of 100 ms on a pool of 10: "
            f"{result['seconds']:.2f} s (ideal {result['ideal']:.1f} s), "
            f"{result['errors']} errors, at most {result['peak']} connections"
        )


def show_return(server: MariaDB, rounds: int) -> None:
    for _ in range(rounds):
        seconds = time_return_beside_a_stuck_connect(server)
        print(
            f"return while another thread is stuck in connect: {seconds * 1e3:.2f} ms"
        )


def time_return_beside_a_stuck_connect(server: MariaDB) -> float:
    address = {"host": "127.0.0.1", "port": server.port, "user": "root"}
    pool = MySQLPool(PoolOptions(timeout=60), [], autocommit=True, **address)
    lease = pool.connection()
    server.freeze()
    stuck = Thread(target=lambda: pool.connection().close())
    stuck.start()
    try:
        wait_until(lambda: pool.stats()["pool_connecting"] == 1)
        began = perf_counter()
        lease.close()
        seconds = perf_counter() - began
        assert stuck.is_alive()
    finally:
        server.resume()
        stuck.join()
        pool.close()
    return seconds

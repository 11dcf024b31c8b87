"""One process that answers requests of one short query each, as fast as it can.

usage: request_cycle.py MODE THREADS REQUESTS  (server address in BENCH_DATABASE)

Prints one JSON object: requests per second over all threads, median and 99th
percentile in microseconds, errors. Runs under Inkstone's or the peers' Python.
"""

import json
import os
import sys
import threading
import time

ADDRESS = json.loads(os.environ["BENCH_DATABASE"])
WARM_UP_REQUESTS = 50


def database_settings(mode: str, threads: int) -> dict:
    plain = {"ENGINE": "django.db.backends.mysql", **ADDRESS}
    return {
        "connect": {**plain, "CONN_MAX_AGE": 0},
        "persistent": {**plain, "CONN_MAX_AGE": None},
        "persistent+check": {
            **plain,
            "CONN_MAX_AGE": None,
            "CONN_HEALTH_CHECKS": True,
        },
        "dj_db_conn_pool": {
            **ADDRESS,
            "ENGINE": "dj_db_conn_pool.backends.mysql",
            "POOL_OPTIONS": {"POOL_SIZE": max(threads, 2), "MAX_OVERFLOW": 0},
        },
        "inkstone": {
            **ADDRESS,
            "ENGINE": "core.db.mysql",
            "OPTIONS": {**ADDRESS["OPTIONS"], "pool": {"maxconnections": threads}},
        },
    }[mode]


def configure(mode: str, threads: int) -> None:
    from django.conf import settings

    if mode != "inkstone":
        import pymysql

        pymysql.install_as_MySQLdb()
    settings.configure(
        DATABASES={"default": database_settings(mode, threads)},
        INSTALLED_APPS=["dj_db_conn_pool"] if mode == "dj_db_conn_pool" else [],
    )

    import django

    django.setup()


def answer_request() -> None:
    from django.core import signals
    from django.db import connection

    signals.request_started.send(sender=None)
    with connection.cursor() as cursor:
        cursor.execute("SELECT id, title FROM bench_article WHERE id < 10")
        cursor.fetchall()
    signals.request_finished.send(sender=None)


def measure(threads: int, requests: int) -> dict:
    durations: list[float] = []
    start_line = threading.Barrier(threads + 1)

    def work() -> None:
        for _ in range(WARM_UP_REQUESTS):
            answer_request()
        start_line.wait()
        mine = []
        for _ in range(requests // threads):
            began = time.perf_counter()
            answer_request()
            mine.append(time.perf_counter() - began)
        durations.extend(mine)

    workers = [threading.Thread(target=work) for _ in range(threads)]
    for worker in workers:
        worker.start()
    start_line.wait()
    began = time.perf_counter()
    for worker in workers:
        worker.join()
    elapsed = time.perf_counter() - began
    durations.sort()
    return {
        "per_second": len(durations) / elapsed,
        "median_us": durations[len(durations) // 2] * 1e6,
        "p99_us": durations[int(len(durations) * 0.99)] * 1e6,
    }


if __name__ == "__main__":
    mode, threads, requests = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    configure(mode, threads)
    print(json.dumps(measure(threads, requests)))

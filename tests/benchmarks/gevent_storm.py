"""Many greenlets, few connections: usage gevent_storm.py REQUESTS CONNECTIONS

Prints seconds, errors and the highest number of connections that the server saw.
"""

# ruff: noqa: E402
from gevent import monkey

monkey.patch_all()

import json
import os
import sys
import time

import gevent
import pymysql
from django.conf import settings

requests, connections = int(sys.argv[1]), int(sys.argv[2])
ADDRESS = json.loads(os.environ["BENCH_DATABASE"])
pool = {"maxconnections": connections, "timeout": 60}
settings.configure(
    DATABASES={
        "default": {
            **ADDRESS,
            "ENGINE": "core.db.mysql",
            "OPTIONS": {**ADDRESS["OPTIONS"], "pool": pool},
        }
    }
)

import django

django.setup()

from django.core import signals
from django.db import connection


def answer_request() -> None:
    signals.request_started.send(sender=None)
    with connection.cursor() as cursor:
        cursor.execute("SELECT SLEEP(0.1)")
    signals.request_finished.send(sender=None)


def watch(peak: list[int]) -> None:
    """Count this program's connections at the server, as the server sees them."""
    watcher = pymysql.connect(
        host=ADDRESS["HOST"], port=ADDRESS["PORT"], user=ADDRESS["USER"]
    )
    with watcher, watcher.cursor() as cursor:
        while True:
            cursor.execute(
                "SELECT COUNT(*) FROM information_schema.processlist"
                " WHERE id <> CONNECTION_ID() AND db = %s",
                (ADDRESS["NAME"],),
            )
            peak[0] = max(peak[0], cursor.fetchone()[0])
            gevent.sleep(0.02)


peak = [0]
watcher = gevent.spawn(watch, peak)
began = time.perf_counter()
greenlets = [gevent.spawn(answer_request) for _ in range(requests)]
gevent.joinall(greenlets)
seconds = time.perf_counter() - began
watcher.kill()
print(
    json.dumps(
        {
            "requests": requests,
            "seconds": seconds,
            "ideal": requests * 0.1 / connections,
            "errors": sum(not greenlet.successful() for greenlet in greenlets),
            "peak": peak[0],
        }
    )
)

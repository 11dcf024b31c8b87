"""Processes of a site, beside that of the test, which do as they are told."""

import json
import os
import subprocess
import sys
from contextlib import contextmanager

SCRIPT = """
import json, sys, threading
import django

django.setup()
from django.db import connection, transaction

block = transaction.atomic()

def query(sql):
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return [list(row) for row in cursor.fetchall()]

def open_idle(count):
    leases = [connection.pool.connection() for _ in range(count)]
    ids = [lease.thread_id() for lease in leases]
    for lease in leases:
        lease.close()
    return ids

def start(sql):
    threading.Thread(target=query, args=[sql], daemon=True).start()

for line in sys.stdin:
    try:
        print(json.dumps(eval(line)), flush=True)
    except Exception as error:
        print(json.dumps({"error": repr(error)}), flush=True)
"""


@contextmanager
def site_process(server, pool="{}"):
    """Start a process on this server; ``tell(expression)`` gives the value."""
    variables = {"DATABASE_URL": server.url, "DATABASE_POOL": pool}
    with subprocess.Popen(
        [sys.executable, "-c", SCRIPT],
        env=os.environ | variables,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:

        def tell(expression):
            process.stdin.write(expression + "\n")
            process.stdin.flush()
            return json.loads(process.stdout.readline())

        try:
            yield tell
        finally:
            process.kill()

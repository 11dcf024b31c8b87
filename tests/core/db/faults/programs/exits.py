"""End with connections on loan, in the way named on the command line."""

import sys
import threading

import django

django.setup()

from django.db import connection  # noqa: E402
from pymysql.cursors import SSCursor  # noqa: E402


def keep_lease():
    connection.ensure_connection()
    globals()["kept"] = connection.pool.connection()


def keep_transaction():
    connection.set_autocommit(False)
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO entries (text) VALUES ('unfinished')")


def keep_unread_rows():
    connection.ensure_connection()
    globals()["kept"] = connection.connection.cursor(SSCursor)
    globals()["kept"].execute("SELECT seq FROM seq_1_to_100000")


def keep_in_a_cycle():
    lease = connection.pool.connection()
    lease.connection.cycle = [lease]


def keep_in_daemon_threads():
    is_ready = threading.Barrier(4)

    def hold():
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
            is_ready.wait()
            cursor.execute("SELECT SLEEP(20)")

    for _ in range(3):
        threading.Thread(target=hold, daemon=True).start()
    is_ready.wait()


if __name__ == "__main__":
    globals()[sys.argv[1]]()

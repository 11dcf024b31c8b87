"""Fork in the way named on the command line; print what parent and child saw.

Every way begins with a connection on loan, with a transaction begun, and an idle one.
"""

import json
import multiprocessing
import os
import sys
import threading

import django

django.setup()

from django.db import connection, transaction  # noqa: E402

from tests.waiting import wait_until  # noqa: E402


def connection_id():
    with connection.cursor() as cursor:
        cursor.execute("SELECT CONNECTION_ID()")
        return cursor.fetchone()[0]


def insert(text):
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO entries (text) VALUES (%s)", [text])


def leave_idle():
    thread = threading.Thread(target=lambda: (connection_id(), connection.close()))
    thread.start()
    thread.join()


def in_fork(work):
    """Run in a child that ends as programs do, finalisers included."""
    source, target = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(target, json.dumps(work()).encode())
        sys.exit(0)
    os.close(target)
    with os.fdopen(source) as reply:
        found = reply.read()
    _, status = os.waitpid(child, 0)
    return json.loads(found), os.waitstatus_to_exitcode(status)


def in_multiprocessing(work):
    with multiprocessing.get_context("fork").Pool(1) as workers:
        return workers.apply(work), 0


def ask_in_child():
    found = connection_id()
    connection.close()
    return found


def fork_idle_and_borrowed(fork):
    leave_idle()
    before = connection_id()
    child, status = fork(ask_in_child)
    return {"before": before, "child": child, "after": connection_id(), "exit": status}


def fork_inside_atomic(fork):
    def in_child():
        """What is left of the parent's block, in the child."""
        try:
            insert("of the child, in the parent's transaction")
        except django.db.Error as error:
            return str(error)

    with transaction.atomic():
        before = connection_id()
        insert("of the parent")
        transaction.on_commit(lambda: insert(f"hook in {os.getpid() == parent}"))
        error, status = fork(in_child)
        after = connection_id()
    return {"before": before, "after": after, "error": error, "exit": status}


def fork_and_leave_atomic(fork):
    """The child goes on as if nothing had happened: out of the block, and further."""
    with transaction.atomic():
        insert("of the parent")
        transaction.on_commit(
            lambda: insert(f"hook in parent: {os.getpid() == parent}")
        )
        child = os.fork()
    if child == 0:
        with transaction.atomic():
            insert("of the child")
        sys.exit(0)
    _, status = os.waitpid(child, 0)
    return {"exit": os.waitstatus_to_exitcode(status)}


def fork_while_locked(fork):
    pool = connection.pool
    is_held, may_go = threading.Event(), threading.Event()

    def hold():
        with pool._lock:
            is_held.set()
            may_go.wait()

    holder = threading.Thread(target=hold)
    holder.start()
    is_held.wait()
    child, status = fork(ask_in_child)
    may_go.set()
    holder.join()
    return {"before": connection_id(), "child": child, "exit": status}


def fork_while_another_thread_reads(fork):
    reading = []

    def read():
        with connection.cursor() as cursor:
            cursor.execute("SELECT CONNECTION_ID()")
            reading.append(cursor.fetchone()[0])
            cursor.execute("SELECT 'mine', SLEEP(1.5)")
            reading.append(cursor.fetchone()[0])
        connection.close()

    def is_reading():
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT 1 FROM information_schema.processlist"
                " WHERE id = %s AND info LIKE '%%SLEEP(1.5)%%'",
                reading,
            )
            return cursor.fetchone()

    reader = threading.Thread(target=read)
    reader.start()
    wait_until(lambda: reading)
    wait_until(is_reading)
    child, status = fork(ask_in_child)
    reader.join()
    return {"before": reading[0], "child": child, "read": reading[1], "exit": status}


if __name__ == "__main__":
    parent = os.getpid()
    ways = {"fork": in_fork, "multiprocessing": in_multiprocessing}
    result = globals()[sys.argv[1]](ways[sys.argv[2]])
    if os.getpid() == parent:
        print(json.dumps(result))

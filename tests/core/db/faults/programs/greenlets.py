"""Greenlets that share a pool, with timeouts that strike at any time."""

import gevent.monkey

gevent.monkey.patch_all()

import json  # noqa: E402
import random  # noqa: E402
import sys  # noqa: E402

import django  # noqa: E402
import gevent  # noqa: E402

django.setup()

from django.core import signals  # noqa: E402
from django.db import DatabaseError, connection  # noqa: E402

PATIENCE = 50


def answer(number, seconds):
    """Answer a request; give the row that it got."""
    signals.request_started.send(sender=None)
    try:
        with connection.cursor() as cursor:
            cursor.execute("SET @number = %s", [number])
            cursor.execute("SELECT @number, SLEEP(%s)", [seconds])
            return cursor.fetchone()[0]
    finally:
        signals.request_finished.send(sender=None)


def answer_in_time(number, limit):
    with gevent.Timeout(limit, False):
        return answer(number, 0.005)
    return "timeout"


def storm(limit_of):
    found = []

    def work(number):
        for turn in range(5):
            expected = number * 100 + turn
            row = answer_in_time(expected, limit_of(number))
            found.append({expected: "right", "timeout": "timeout"}.get(row, "wrong"))

    gevent.joinall(
        [gevent.spawn(work, number) for number in range(200)], raise_error=True
    )
    return {answer: found.count(answer) for answer in sorted(set(found))}


def wait_for_all_places():
    """Take every connection at the same time, each in a greenlet of its own."""
    count = connection.pool.options.maxconnections
    holders = [gevent.spawn(answer, number, 0.2) for number in range(count)]
    gevent.joinall(holders, raise_error=True)
    return [holder.value for holder in holders]


def calm():
    return storm(lambda number: PATIENCE)


def strikes():
    """Every second greenlet is patient, the others are struck at some time."""
    random.seed(1)
    found = storm(lambda number: PATIENCE if number % 2 else random.uniform(0, 0.2))
    return found | {"places": wait_for_all_places()}


def strike_while_writing():
    """Strike in the middle of a command that does not fit into the socket."""
    wrong = []
    for number in range(20):
        with gevent.Timeout(0.002 * number, False), connection.cursor() as cursor:
            cursor.execute("SELECT LENGTH(%s)", ["x" * 12_000_000])
        connection.close()
        wrong.append(answer(number, 0) != number)
    return {"wrong": sum(wrong)}


def dead_greenlet():
    """A greenlet ends without a return, while its connection is still known."""
    kept = []

    def forget():
        connection.ensure_connection()
        kept.append(connection.connection)

    gevent.spawn(forget).join()
    return {"answer": answer(1, 0)}


if __name__ == "__main__":
    result = globals()[sys.argv[1]]()
    connection.close()
    stats = connection.pool.stats()
    try:
        connection.pool.close()
    except DatabaseError as error:
        result["error"] = str(error)
    print(json.dumps({"result": result, "stats": stats}))

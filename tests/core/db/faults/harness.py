"""Django's database machinery on private servers, without the test database."""

import itertools
import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from django.db import connections, transaction
from django.db.utils import ConnectionHandler

from tests.core.db.faults.naive_pool import base as naive_pool
from tests.waiting import wait_until

numbers = itertools.count(1)
PLAIN_ENGINE = "django.db.backends.mysql"
NAIVE_ENGINE = naive_pool.__name__.removesuffix(".base")


class Site:
    """A database alias of this process, used as a site's requests use it."""

    def __init__(self, port: int, engine: str, options: dict, **settings: Any) -> None:
        self.alias = f"site{next(numbers)}"
        settings = {
            "ENGINE": engine,
            "HOST": "127.0.0.1",
            "PORT": port,
            "USER": "root",
            "NAME": "inkstone",
            # Half of the time a connection takes; the tests of TLS switch it on.
            "OPTIONS": {"ssl_disabled": True, **options},
            **settings,
        }
        complete = ConnectionHandler({"default": {}, self.alias: settings}).settings
        connections.settings[self.alias] = complete[self.alias]

    @property
    def connection(self) -> Any:
        """Django's wrapper of the current thread."""
        return connections[self.alias]

    @property
    def pool(self) -> Any:
        return self.connection.pool

    @property
    def stats(self) -> dict:
        return self.pool.stats()

    @contextmanager
    def request(self):
        """Do around a block what Django does around a request."""
        try:
            yield self.connection
        finally:
            self.connection.close_if_unusable_or_obsolete()

    def run(self, sql: str, params: Any = None) -> list[tuple]:
        """Run one statement inside the current request; give its rows."""
        with self.connection.cursor() as cursor:
            cursor.execute(sql, params)
            return list(cursor.fetchall()) if cursor.description else []

    def answer(self, sql: str, params: Any = None) -> list[tuple]:
        """Answer a request of one statement; give its rows."""
        with self.request():
            return self.run(sql, params)

    def set_timeout(self, seconds: float) -> None:
        """Change the pool's timeout, once what may take its time is done."""
        self.pool.options = replace(self.pool.options, timeout=seconds)

    def connection_id(self) -> int:
        return self.run("SELECT CONNECTION_ID()")[0][0]

    def answer_with_id(self) -> int:
        """Answer a request; give the number of the connection that served it."""
        with self.request():
            return self.connection_id()

    def atomic(self, **options: Any) -> Any:
        return transaction.atomic(using=self.alias, **options)

    def fill(self, count: int) -> list[int]:
        """Let so many connections be idle; give their numbers, next one last."""
        leases = [self.pool.connection() for _ in range(count)]
        ids = [lease.thread_id() for lease in leases]
        for lease in leases:
            lease.close()
        return ids

    def close(self) -> None:
        self.connection.close()
        if hasattr(self.connection, "close_pool"):
            self.connection.close_pool()
        elif pool := naive_pool.pools.pop(self.alias, None):
            # Last: it would keep what comes back later.
            pool.close()
        del connections[self.alias]
        del connections.settings[self.alias]


SCHEMA = [
    "CREATE TABLE entries (id INT AUTO_INCREMENT PRIMARY KEY, text VARCHAR(200))",
    "CREATE DATABASE other",
    "CREATE PROCEDURE two_results() BEGIN SELECT 1; SELECT 2; END",
    "CREATE PROCEDURE leave_traces() BEGIN"
    " SET @a = 42; SET autocommit = 0; DO GET_LOCK('leak', 0); END",
    "CREATE FUNCTION leave_traces_unseen() RETURNS INT BEGIN"
    " SET @a = 42; RETURN GET_LOCK('leak', 0); END",
    "CREATE PROCEDURE fail_late() BEGIN"
    " SELECT 1; SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'of another'; END",
    "CREATE FUNCTION fail_at_100(number INT) RETURNS INT BEGIN"
    " IF number = 100 THEN SIGNAL SQLSTATE '45000'"
    " SET MESSAGE_TEXT = 'of another'; END IF; RETURN number; END",
]


class Root:
    """Looks at a server from outside, in a session of its own."""

    def __init__(self, server: Any) -> None:
        self._connection = server.connect(
            autocommit=True, database=server.database, ssl_disabled=True
        )
        self.run("SET lock_wait_timeout = 5")

    def run(self, sql: str, params: Any = None) -> list[tuple]:
        with self._connection.cursor() as cursor:
            cursor.execute(sql, params)
            return list(cursor.fetchall())

    def make_schema(self) -> None:
        for statement in SCHEMA:
            self.run(statement)

    def entries(self) -> list[str]:
        return [text for (text,) in self.run("SELECT text FROM entries ORDER BY id")]

    def processes(self) -> set[int]:
        """Give the numbers of all other sessions."""
        found = self.run(
            "SELECT id FROM information_schema.processlist"
            " WHERE id <> CONNECTION_ID() AND command <> 'Daemon'"
        )
        return {number for (number,) in found}

    def statement_of(self, connection_id: int) -> str:
        """Give what a session is running now, "" if nothing."""
        found = self.run(
            "SELECT info FROM information_schema.processlist WHERE id = %s",
            [connection_id],
        )
        return (found[0][0] or "") if found else ""

    def await_statement(self, connection_id: int, part: str) -> None:
        wait_until(lambda: part in self.statement_of(connection_id), what=part)

    def kill(self, connection_id: int) -> None:
        """End a session, and wait until it has ended."""
        self.run(f"KILL {connection_id:d}")
        self.await_end(connection_id)

    def await_end(self, connection_id: int) -> None:
        wait_until(lambda: connection_id not in self.processes(), what="end of session")

    def transactions(self) -> int:
        sql = "SELECT COUNT(*) FROM information_schema.innodb_trx"
        return self.run(sql)[0][0]

    def status(self, name: str) -> int:
        return int(self.run(f"SHOW GLOBAL STATUS LIKE '{name}'")[0][1])

    def close(self) -> None:
        self._connection.close()


def in_thread(function: Callable, *arguments: Any) -> Future:
    """Start a thread; its result or exception is in the future."""
    future: Future = Future()

    def work() -> None:
        try:
            future.set_result(function(*arguments))
        except BaseException as error:  # noqa: BLE001, result() raises it
            future.set_exception(error)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    future.thread = thread
    return future

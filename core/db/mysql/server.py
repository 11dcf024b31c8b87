"""What the server knows of a site's connections, and how it ends idle ones."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from time import monotonic, sleep
from typing import Any

from django.db import DatabaseError
from django.db.backends.base.base import BaseDatabaseWrapper
from pymysql.constants import ER

STATUS = (
    "Threads_connected",
    "Threads_running",
    "Max_used_connections",
    "Aborted_clients",
    "Aborted_connects",
)
VARIABLES = ("version", "max_connections", "wait_timeout")
NOT_ALLOWED = {ER.SPECIFIC_ACCESS_DENIED_ERROR, ER.TABLEACCESS_DENIED_ERROR}

# A site's connections are those of the same account to the same database.
SESSIONS = """
SELECT session.id, session.host, session.command, session.time
FROM information_schema.processlist AS session
JOIN information_schema.processlist AS own
  ON own.id = CONNECTION_ID() AND own.user = session.user AND own.db <=> session.db
ORDER BY session.id
"""
# Of this account alone, because everybody may read that; empty while the server
# runs without performance_schema, which is MariaDB's default.
PROGRAMS = """
SELECT processlist_id, attr_value FROM performance_schema.session_account_connect_attrs
WHERE attr_name = 'program_name'
"""
TRANSACTIONS = "SELECT trx_mysql_thread_id FROM information_schema.innodb_trx"
# InnoDB answers from a cache while the latest question is not older than 0.1 s.
TRANSACTIONS_CACHE_SECONDS = 0.15
TRANSACTIONS_ATTEMPTS = 20
# More, not as much: MySQL counts whole seconds from clock to clock.
IDLE_SESSION = """
SELECT 1 FROM information_schema.processlist
WHERE id = %s AND command = 'Sleep' AND time > %s
"""


class TransactionsHidden(Exception):
    """The account lacks the privilege PROCESS."""


class TransactionsOutdated(Exception):
    """Somebody reads InnoDB's list so often that it is never made anew."""


@dataclass(frozen=True, kw_only=True)
class Session:
    id: int
    program: str
    """``program_name`` of the client, "name pid" for a pool; "" if not known."""
    host: str
    is_idle: bool
    """Between two statements; perhaps lent all the same, perhaps in a transaction."""
    seconds: int
    """Since its last statement began or, when idle, ended."""
    is_in_transaction: bool | None
    """``None`` if the account may not see that."""


@dataclass(frozen=True, kw_only=True)
class Drained:
    """How many connections were ended, and why others were not."""

    ended: int = 0
    in_transaction: int = 0
    in_use: int = 0
    foreign: int = 0


def values(connection: BaseDatabaseWrapper) -> dict[str, Any]:
    """Give the server's counters and limits, numbers as ``int``."""
    found: dict[str, str] = {}
    with connection.cursor() as cursor:
        for kind, names in (("STATUS", STATUS), ("VARIABLES", VARIABLES)):
            cursor.execute(f"SHOW GLOBAL {kind} WHERE Variable_name IN %s", [names])
            found |= dict(cursor.fetchall())
    return {
        name: int(found[name]) if found[name].isdigit() else found[name]
        for name in STATUS + VARIABLES
        if name in found
    }


def sessions(connection: BaseDatabaseWrapper) -> list[Session]:
    """Give the connections of the site, this one included."""
    transactions = _visible(connection, TRANSACTIONS)
    programs = dict(_visible(connection, PROGRAMS) or ())
    in_transaction = None if transactions is None else {id for (id,) in transactions}
    return [
        Session(
            id=id,
            program=programs.get(id, ""),
            host=host.rpartition(":")[0] or host,
            is_idle=command == "Sleep",
            seconds=seconds,
            is_in_transaction=None if in_transaction is None else id in in_transaction,
        )
        for id, host, command, seconds in _rows(connection, SESSIONS)
    ]


def by_program(found: Iterable[Session]) -> list[dict[str, Any]]:
    """Count sessions by client program and host."""
    groups: dict[tuple[str, str], dict[str, Any]] = {}
    for one in found:
        group = groups.setdefault(
            (one.program, one.host),
            {"program": one.program, "host": one.host, "connections": 0, "idle": 0}
            | {"in_transaction": None if one.is_in_transaction is None else 0},
        )
        group["connections"] += 1
        group["idle"] += one.is_idle
        if one.is_in_transaction is not None:
            group["in_transaction"] += one.is_in_transaction
    return list(groups.values())


def drain(connection: BaseDatabaseWrapper, *, name: str, idle_seconds: int) -> Drained:
    """End the site's connections that have been idle for more than so long.

    ``name``: of the pool; where the server knows the programs of its clients, others
    are left alone. ``idle_seconds`` is 1 or more. Raises TransactionsHidden,
    TransactionsOutdated.

    No transaction is cut. One that was open when InnoDB's list was made is in it. A
    session that has been idle since before that moment has begun none since then:
    hence the time that has passed is added to ``idle_seconds``. What remains is a
    statement that arrives between the last look and the KILL: its request gets an
    error, as from any lost connection, and nothing of it is run again.
    """
    began = monotonic()
    transactions = _transactions_since_now(connection)
    pool_program = re.compile(rf"{re.escape(name)} \d+")
    outcome: Counter[str] = Counter()
    for one in sessions(connection):
        if one.id in transactions:
            outcome["in_transaction"] += 1
        elif one.program and not pool_program.fullmatch(one.program):
            outcome["foreign"] += 1
        elif _end_if_idle(connection, one.id, idle_seconds + monotonic() - began):
            outcome["ended"] += 1
        elif one.id != _own_id(connection):
            outcome["in_use"] += 1
    return Drained(**outcome)


def _end_if_idle(connection: BaseDatabaseWrapper, id: int, seconds: float) -> bool:
    if not _rows(connection, IDLE_SESSION, [id, seconds]):
        return False
    try:
        _rows(connection, "KILL CONNECTION %s", [id])
    except DatabaseError as error:
        if error.args[0] != ER.NO_SUCH_THREAD:  # it has ended by itself
            raise
    return True


def _transactions_since_now(connection: BaseDatabaseWrapper) -> set[int]:
    """Give the sessions with a transaction, as InnoDB lists them from now on.

    The list is a cache that every look at it keeps alive for another 0.1 s, and
    others may look too. It is new when a transaction of our own appears in it.
    """
    own_id = _own_id(connection)
    _rows(connection, "START TRANSACTION WITH CONSISTENT SNAPSHOT")
    try:
        for _ in range(TRANSACTIONS_ATTEMPTS):
            sleep(TRANSACTIONS_CACHE_SECONDS)
            found = _visible(connection, TRANSACTIONS)
            if found is None:
                raise TransactionsHidden
            transactions = {id for (id,) in found}
            if own_id in transactions:
                return transactions - {own_id}
        raise TransactionsOutdated
    finally:
        _rows(connection, "ROLLBACK")


def _own_id(connection: BaseDatabaseWrapper) -> int:
    ((own,),) = _rows(connection, "SELECT CONNECTION_ID()")
    return int(own)


def _rows(
    connection: BaseDatabaseWrapper, sql: str, params: Sequence[Any] = ()
) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return list(cursor.fetchall())


def _visible(connection: BaseDatabaseWrapper, sql: str) -> list[tuple[Any, ...]] | None:
    """Give the rows, or None if the account may not see them."""
    try:
        return _rows(connection, sql)
    except DatabaseError as error:
        if error.args[0] in NOT_ALLOWED:
            return None
        raise

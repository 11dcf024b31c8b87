"""Bulk loading into MySQL: LOAD DATA LOCAL, fed from memory."""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, TypeAlias

from django.db import OperationalError
from django.db.backends.base.base import BaseDatabaseWrapper
from pymysql import err
from pymysql.connections import Connection, MySQLResult
from pymysql.constants import CR

from core.importing.loading.cursors import driver_cursor

# Servers may take no more than 1 MiB in a packet, and a character may have four bytes.
CHARACTERS_PER_PACKET = 250_000
# LOCAL is switched off in the server: MySQL 8, MariaDB, both of old.
NOT_ALLOWED = {3948, 4166, 1148}
NULL = r"\N"
Batch: TypeAlias = list[tuple[str | None, ...]]
SPECIAL = re.compile(r"[\\\t\n\r\0]")
ESCAPES = str.maketrans(
    {"\\": r"\\", "\t": r"\t", "\n": r"\n", "\r": r"\r", "\0": r"\0"}
)


class LoadingConnection(Connection):
    """Answers the server's request for a local file with rows, never with a file.

    A hostile server can ask for any file of this machine, in reply to any statement.
    PyMySQL would send it; here it gets the rows of the moment, or a refusal.
    """

    _local_infile: bool
    _result: Any
    packets: Iterator[bytes] | None = None

    def connect(self, sock: Any = None) -> None:
        super().connect(sock)
        # The server knows that this client can; PyMySQL itself must not.
        self._local_infile = False

    def _read_query_result(self, unbuffered: bool = False) -> Any:
        if self.packets is None:
            return super()._read_query_result(unbuffered)
        self._result = None
        result = _LoadResult(self)
        result.read()
        self._result = result
        self.server_status = result.server_status
        return result.affected_rows


class _LoadResult(MySQLResult):
    connection: Any
    affected_rows: Any
    server_status: Any

    def _read_load_local_packet(self, first_packet: object) -> None:
        connection = self.connection
        try:
            for packet in connection.packets:
                connection.write_packet(packet)
        except BaseException:
            # Else the server would take what has come for all there is.
            connection._force_close()
            raise
        connection.write_packet(b"")
        answer = connection._read_packet()
        if not answer.is_ok_packet():
            raise err.OperationalError(
                CR.CR_COMMANDS_OUT_OF_SYNC, "Commands out of sync"
            )
        self._read_ok_packet(answer)


def loading_connection(
    usual: BaseDatabaseWrapper, read_timeout: int
) -> BaseDatabaseWrapper:
    """Make a connection like the usual one that is in no pool and may load rows."""
    settings = usual.settings_dict
    options = {k: v for k, v in settings["OPTIONS"].items() if k != "pool"}
    options["read_timeout"] = read_timeout
    wrapper_class = type(usual)
    if usual.Database.__name__ == "pymysql":  # type: ignore[attr-defined]
        options["local_infile"] = True
        wrapper_class = type("LoadingWrapper", (_Loading, wrapper_class), {})
    return wrapper_class({**settings, "OPTIONS": options}, usual.alias)


class _Loading:
    """Mixin of database wrappers whose connections can load rows."""

    def get_new_connection(self, params: dict[str, Any]) -> LoadingConnection:
        return LoadingConnection(**params)


def can_load(connection: BaseDatabaseWrapper) -> bool:
    connection.ensure_connection()
    return isinstance(connection.connection, LoadingConnection)


def load(
    connection: BaseDatabaseWrapper,
    table: str,
    columns: Iterable[str],
    rows: Iterable[Batch],
) -> bool:
    """Load the rows; give False, with no row taken, if the server does not allow it.

    The server treats local data leniently: it cuts, rounds and leaves out what does
    not fit, and warns. The caller must look at warnings and numbers.
    """
    statement = (
        f"LOAD DATA LOCAL INFILE 'rows' INTO TABLE {table} CHARACTER SET utf8mb4 "
        r"FIELDS TERMINATED BY '\t' ESCAPED BY '\\' LINES TERMINATED BY '\n' "
        f"({', '.join(columns)})"
    )
    driver = connection.connection
    driver.packets = packets(rows)
    try:
        with driver_cursor(connection) as cursor:
            cursor.execute(statement)
    except OperationalError as error:
        if error.args[0] in NOT_ALLOWED:
            return False
        raise
    finally:
        driver.packets = None
    return True


def packets(batches: Iterable[Batch]) -> Iterator[bytes]:
    for batch in batches:
        lines = "".join(map(line, batch))
        for start in range(0, len(lines), CHARACTERS_PER_PACKET):
            yield lines[start : start + CHARACTERS_PER_PACKET].encode()


def line(row: Sequence[str | None]) -> str:
    """Encode a row; most have nothing to escape, which is cheap to find out."""
    present: Sequence[Any] = row
    texts: Sequence[Any] = row
    if None in row:
        present = [text for text in row if text is not None]
        texts = [NULL if text is None else text for text in row]
    if SPECIAL.search("".join(present)):
        texts = [NULL if text is None else text.translate(ESCAPES) for text in row]
    return "\t".join(texts) + "\n"

"""PyMySQL with what a pool must know about a connection.

A connection that was interrupted between command and reply (a timeout of gevent,
Ctrl-C, a worker's abort) has the reply still to come: the next command would get
it, and with it another user's rows. PyMySQL cannot tell; ``in_flight`` does.
"""

import importlib
import os
import pkgutil
import re
import select
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from threading import Thread
from time import monotonic
from traceback import StackSummary
from typing import Any, Self

import pymysql
from django.core.exceptions import ImproperlyConfigured
from pymysql import err
from pymysql.connections import Connection as PyMySQLConnection
from pymysql.connections import MySQLResult
from pymysql.constants import CLIENT, CR, SERVER_STATUS
from pymysql.cursors import SSCursor
from pymysql.protocol import EOFPacketWrapper, MysqlPacket

COM_RESET_CONNECTION = 0x1F
LARGEST_PAYLOAD_BYTES = 0xFFFFFF
ERROR_MARK = b"\xff"
END_MARK = 0xFE
NULL_MARK = 0xFB
LONGEST_SHORT_TEXT = 250
LENGTH_BYTES = {0xFC: 2, 0xFD: 3, 0xFE: 8}
_NO_TRANSACTION = SERVER_STATUS.SERVER_STATUS_AUTOCOMMIT
_TRANSACTION_BITS = _NO_TRANSACTION | SERVER_STATUS.SERVER_STATUS_IN_TRANS
# The server became a read-only replica: nothing on it will succeed.
READ_ONLY_ERRORS = {1290, 1836}
# The server is about to close the connection that it answers.
FAREWELL_ERRORS = {1053, 1927, 3169, 4031}


def pose_as_mysqldb() -> None:
    """Make ``import MySQLdb`` give PyMySQL, submodule by submodule.

    PyMySQL's own ``install_as_MySQLdb`` aliases the top package only: its
    submodules are then imported a second time, as other modules with other
    exception classes that Django does not recognise.
    """
    loaded = sys.modules.get("MySQLdb")
    if loaded not in (None, pymysql):
        raise ImproperlyConfigured(
            "core.db.mysql uses PyMySQL, but mysqlclient (MySQLdb) is already "
            "imported: use one of them in a process."
        )
    for module in pkgutil.walk_packages(pymysql.__path__, "pymysql."):
        if not module.name.startswith("pymysql.tests"):
            importlib.import_module(module.name)
    for name, loaded in list(sys.modules.items()):
        if name == "pymysql" or name.startswith("pymysql."):
            sys.modules["MySQLdb" + name.removeprefix("pymysql")] = loaded


def _original_poll() -> Any:
    """Give ``select.poll``, not gevent's: polling for 0 ms never needs to yield."""
    if "gevent.monkey" in sys.modules:
        from gevent.monkey import get_original

        return get_original("select", "poll")
    return select.poll


class Connection(PyMySQLConnection):
    """A physical connection.

    ``in_flight``: a command was sent and its reply not read to the end.
    ``is_dirty``: a statement may have changed session state.
    ``condemned``: why the connection must not be used again, or "".
    """

    in_flight = False
    is_dirty = False
    condemned = ""

    # PyMySQL's, with no types of their own.
    ssl: Any
    ctx: Any
    _current_timeout: Any
    _next_seq_id: int
    _read_timeout: Any
    _result: Any
    _sock: Any
    _ssl_required: Any
    _answer_by = 0.0

    # What the pool notes; it alone changes these.
    generation = 0
    expires_at = proven_at = sure_until = unneeded_at = lent_at = 0.0
    lent_times = 0
    is_reported = False
    borrower: Thread
    lent_from: StackSummary | None = None
    lease: Callable[[], Any] | None = None

    @classmethod
    def open_within(
        cls,
        seconds: float,
        session: Sequence[str],
        *,
        like: "Connection | None" = None,
        **arguments: Any,
    ) -> Self:
        """Connect, log in and run the statements of the session.

        ``like``: an earlier connection whose TLS context serves again; building
        one takes longer than all the rest.

        PyMySQL's ``connect_timeout`` covers the TCP handshake alone: a frozen
        server, whose system still accepts, would be waited for without end.
        """
        seconds = min(arguments.pop("connect_timeout", seconds), seconds)
        if like is not None:
            arguments = {k: v for k, v in arguments.items() if k[:3] != "ssl"}
            arguments["ssl_disabled"] = True
        connection = cls(defer_connect=True, connect_timeout=seconds, **arguments)
        if like is not None:
            connection._take_tls_from(like)
        try:
            with connection.answering_within(seconds):
                connection.connect()
                connection.run_all(session)
        except BaseException:
            connection.discard()
            raise
        return connection

    def connect(self, sock: Any = None) -> None:
        super().connect(sock)
        self._poll = _original_poll()()
        self._poll.register(self._sock.fileno(), select.POLLIN)

    def _take_tls_from(self, other: "Connection") -> None:
        self.ssl, self._ssl_required = other.ssl, other._ssl_required
        if other.ssl:
            self.ctx = other.ctx
        if other._ssl_required:
            self.client_flag |= CLIENT.SSL

    @contextmanager
    def answering_within(self, seconds: float) -> Iterator[None]:
        """Limit the time for all replies; a late one closes the connection."""
        usual, self._read_timeout = self._read_timeout, seconds
        self._answer_by = monotonic() + seconds
        try:
            yield
        finally:
            self._read_timeout, self._answer_by = usual, 0.0

    def run_all(self, statements: Sequence[str]) -> None:
        for statement in statements:
            self.query(statement)

    @property
    def is_silent(self) -> bool:
        """Tell, without a round trip, that nothing has arrived.

        An idle MySQL connection must be silent. What arrives is the server's
        farewell, the end of the stream, or a reply that nobody waits for.
        """
        return self._sock is not None and not self._poll.poll(0)

    @property
    def is_clean(self) -> bool:
        """Tell that the connection may be lent again as it is."""
        return not (
            self._sock is None
            or self.in_flight
            or self.is_dirty
            or self.condemned
            or self.server_status & _TRANSACTION_BITS != _NO_TRANSACTION
            or self.has_unread_result
        )

    @property
    def is_in_transaction(self) -> bool:
        """Tell whether the server may hold a transaction open.

        Without autocommit any SELECT has begun one, and the status that MySQL
        sends with its rows is not kept by PyMySQL.
        """
        return self.server_status & _TRANSACTION_BITS != _NO_TRANSACTION  # type: ignore[no-any-return]

    @property
    def has_unread_result(self) -> bool:
        result = self._result
        return result is not None and bool(result.unbuffered_active or result.has_next)

    def reset_session(self) -> None:
        """Let the server forget transaction, variables, locks, temporary tables.

        MySQL also forgets the character set and autocommit, MariaDB keeps the
        database that a USE has chosen: all are set again.
        """
        self._execute_command(COM_RESET_CONNECTION, b"")
        self._read_ok_packet()
        self.set_character_set(self.charset, self.collation)
        if self.db:
            self.select_db(self.db)
        elif self._database() is not None:
            # No command leads back to none.
            self.condemned = "other database"
        self.autocommit(True)

    def _database(self) -> str | None:
        self.query("SELECT DATABASE()")
        ((name,),) = self._result.rows
        return name  # type: ignore[no-any-return]

    def discard(self) -> None:
        """Close the socket without a word to the server."""
        self._force_close()
        self._closed = True

    def leave_to_parent(self) -> None:
        """Close this process' copy of the socket, after a fork.

        Not the file object on it: a thread that was reading at the time of the
        fork holds its lock, and does not exist here to release it.
        """
        if self._sock is not None:
            os.close(self._sock.detach())
            self._sock = None
        self._closed = True

    # The replies of these three are read without the methods below.

    def _request_authentication(self) -> None:
        super()._request_authentication()
        self.in_flight = False

    def set_character_set(self, charset: str, collation: str | None = None) -> None:
        super().set_character_set(charset, collation)
        self.in_flight = False

    def show_warnings(self) -> Any:
        warnings = super().show_warnings()
        self.in_flight = False
        return warnings

    def _execute_command(self, command: int, sql: str | bytes) -> None:
        if self.in_flight:
            self._force_close()
            raise err.OperationalError(
                CR.CR_COMMANDS_OUT_OF_SYNC,
                "An earlier command was interrupted before its reply was read",
            )
        super()._execute_command(command, sql)

    def _write_bytes(self, data: bytes) -> None:
        # Whatever is written waits for a reply from the first byte on.
        self.in_flight = True
        if self._answer_by:
            self._read_timeout = max(self._answer_by - monotonic(), 0.001)
        super()._write_bytes(data)

    def _read_packet(self, packet_type: type[MysqlPacket] = MysqlPacket) -> Any:
        return packet_type(self.read_payload(), self.encoding)

    def read_payload(self) -> bytes:
        """Read one packet and give what is in it; raise the error that it is.

        As PyMySQL's ``_read_packet``, in a third of its time: a result has a packet
        for each column and row.
        """
        if self._current_timeout != self._read_timeout:
            self._sock.settimeout(self._read_timeout)
            self._current_timeout = self._read_timeout
        try:
            header = self._rfile.read(4)
            size = int.from_bytes(header[:3], "little")
            payload: bytes = self._rfile.read(size)
        except BaseException as error:
            self._force_close()
            if isinstance(error, OSError):
                raise _lost(str(error)) from error
            raise
        if len(header) < 4 or len(payload) < size:
            self._force_close()
            raise _lost("the stream ended")
        if header[3] != self._next_seq_id:
            self._force_close()
            # MariaDB says farewell with a packet that is numbered 0.
            raise (
                _lost("the server ended it")
                if not header[3]
                else err.InternalError(
                    f"Packet sequence number wrong - got {header[3]} expected "
                    f"{self._next_seq_id}"
                )
            )
        self._next_seq_id = (header[3] + 1) & 0xFF
        if size == LARGEST_PAYLOAD_BYTES:
            return payload + self.read_payload()
        if payload[:1] == ERROR_MARK:
            if self._result is not None:
                self._result.unbuffered_active = False
            MysqlPacket(payload, self.encoding).raise_for_error()
        return payload

    def _read_ok_packet(self) -> Any:
        try:
            packet = super()._read_ok_packet()
        except err.MySQLError as error:
            self._note_error(error)
            raise
        self.in_flight = False
        return packet

    def _read_query_result(self, unbuffered: bool = False) -> Any:
        # Also for the further results of a command, which need no other one.
        self.in_flight = True
        self._result = None
        result = Result(self)
        try:
            if unbuffered:
                result.init_unbuffered_query()
            else:
                result.read()
        except err.MySQLError as error:
            self._note_error(error)
            raise
        self.in_flight = False
        self._result = result
        if result.server_status is not None:
            self.server_status = result.server_status
        return result.affected_rows

    def _note_error(self, error: err.MySQLError) -> None:
        # An error of the server is the end of its reply; errors of the network
        # have closed the socket, so that the flag says nothing any more.
        self.in_flight = False
        code = error.args[0] if error.args else 0
        if code in READ_ONLY_ERRORS and "read-only" in str(error):
            self.condemned = "read-only"
        elif code in FAREWELL_ERRORS or code == CR.CR_COMMANDS_OUT_OF_SYNC:
            self.condemned = "lost"


class Result(MySQLResult):
    """Reads rows without an object for each packet."""

    affected_rows: Any
    connection: Any

    def __del__(self) -> None:
        """Leave unread rows to the next command, or to the pool, which sees them.

        PyMySQL reads them here, in whichever thread the finaliser happens to run.
        """

    def _read_rowdata_packet(self) -> None:
        read_payload = self.connection.read_payload
        read_row = self._row_reader()
        rows = []
        while True:
            payload = read_payload()
            if payload[0] == END_MARK and len(payload) < 9:
                packet = EOFPacketWrapper(MysqlPacket(payload, ""))
                self.warning_count = packet.warning_count
                self.has_next = packet.has_next
                break
            rows.append(read_row(payload))
        self.connection = None
        self.affected_rows = len(rows)
        self.rows = tuple(rows)

    def _row_reader(self) -> Callable[[bytes], tuple[Any, ...]]:
        converters = self.converters

        def read_row(payload: bytes) -> tuple[Any, ...]:
            """Take the length-encoded texts apart (MySQL's text protocol)."""
            row: list[Any] = []
            end = 0
            for encoding, converter in converters:
                start = end + 1
                length = payload[end]
                if length > LONGEST_SHORT_TEXT:
                    if length == NULL_MARK:
                        row.append(None)
                        end = start
                        continue
                    start += LENGTH_BYTES[length]
                    length = int.from_bytes(payload[end + 1 : start], "little")
                end = start + length
                value: Any = payload[start:end]
                if encoding is not None:
                    value = value.decode(encoding)
                row.append(value if converter is None else converter(value))
            return tuple(row)

        return read_row


def _lost(reason: str) -> err.OperationalError:
    return err.OperationalError(
        CR.CR_SERVER_LOST, f"Lost connection to MySQL server during query ({reason})"
    )


# Statements after which the session is as it was, whatever they contain, except
# for what _TRACES finds. Everything else counts as a change.
_HARMLESS = re.compile(
    r"[\s(]*(?:SELECT|INSERT|UPDATE|DELETE|REPLACE|WITH|VALUES|SHOW|EXPLAIN|DESCRIBE"
    r"|SAVEPOINT|RELEASE\s+SAVEPOINT|ROLLBACK\s+TO)\b",
    re.IGNORECASE,
)
# User variables (not @@system ones), named locks, FOUND_ROWS(), a second statement.
_TRACES = re.compile(r"(?<!@)@(?!@)|GET_LOCK|SQL_CALC_FOUND_ROWS|;\s*\S", re.IGNORECASE)


def changes_session(sql: str | bytes) -> bool:
    """Tell whether a statement may leave a trace in the session; unknown: yes."""
    if isinstance(sql, bytes) or _HARMLESS.match(sql) is None:
        return True
    capitals = sql.upper()
    # Finding a word is much faster than searching for a pattern.
    if "@" in sql or ";" in sql or "GET_LOCK" in capitals or "SQL_CALC" in capitals:
        return _TRACES.search(sql) is not None
    return False


class LeasedCursor:
    """Mixin of cursor classes that ends with the lease it was made under."""

    connection: Any
    lease: Any = None
    _executed: Any
    _is_template_noted = False

    def _get_db(self) -> Connection:
        if self.lease.connection is not self.connection and self.connection:
            raise err.InterfaceError(
                0, "The cursor's connection has gone back to the pool"
            )
        if self.connection is None:
            raise err.ProgrammingError("Cursor closed")
        return self.connection  # type: ignore[no-any-return]

    def close(self) -> None:
        if self.connection is None:
            return
        if self.lease.connection is self.connection:
            super().close()  # type: ignore[misc]
        else:
            # Not PyMySQL's close(), which reads what is left of a result.
            self.connection = None

    def execute(self, query: str | bytes, args: Any = None) -> Any:
        self._note(query)
        return super().execute(query, args)  # type: ignore[misc]

    def executemany(self, query: str, args: Any) -> Any:
        self._note(query)
        # execute() then gets the statement with its values, "a@b" for example.
        self._is_template_noted = True
        try:
            return super().executemany(query, args)  # type: ignore[misc]
        finally:
            self._is_template_noted = False

    def callproc(self, procname: str, args: Any = ()) -> Any:
        self._get_db().is_dirty = True
        return super().callproc(procname, args)  # type: ignore[misc]

    def _note(self, query: str | bytes) -> None:
        connection = self._get_db()
        if not (connection.is_dirty or self._is_template_noted):
            connection.is_dirty = changes_session(query)

    def _query(self, q: str) -> Any:
        # Before, not after: a failing statement is the one people look for.
        self._executed = q
        return super()._query(q)  # type: ignore[misc]


class LeasedUnbufferedCursor(LeasedCursor):
    """The same for cursors that read from the server as rows are fetched."""

    def read_next(self) -> Any:
        if not self._get_db().open:
            raise err.InterfaceError(0, "The connection was lost among the rows")
        return super().read_next()  # type: ignore[misc]

    def __del__(self) -> None:
        """Leave the rest of the result to the next command, or to the pool.

        PyMySQL reads it here, in whichever thread the finaliser happens to run.
        """


@lru_cache
def leased(cursor_class: type[Any]) -> type[Any]:
    """Give the cursor class with the mixin."""
    is_unbuffered = issubclass(cursor_class, SSCursor)
    mixin = LeasedUnbufferedCursor if is_unbuffered else LeasedCursor
    return type(cursor_class.__name__, (mixin, cursor_class), {})

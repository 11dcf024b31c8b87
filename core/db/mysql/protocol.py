"""PyMySQL's connection, which here knows whether a reply is still to come.

A connection that was interrupted between command and reply (a timeout of gevent,
Ctrl-C, a worker's abort) has the reply still to come: the next command would get
it, and with it another user's rows. PyMySQL cannot tell; ``in_flight`` does.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic
from typing import Any

from pymysql import err
from pymysql.connections import Connection as PyMySQLConnection
from pymysql.constants import CR
from pymysql.protocol import FieldDescriptorPacket, MysqlPacket

from core.db.mysql.results import Result, column

LARGEST_PAYLOAD_BYTES = 0xFFFFFF
ERROR_MARK = b"\xff"
# The server became a read-only replica: nothing on it will succeed.
READ_ONLY_ERRORS = {1290, 1836}
# The server is about to close the connection that it answers.
FAREWELL_ERRORS = {1053, 1927, 3169, 4031}


class SyncedConnection(PyMySQLConnection):
    """A connection that refuses commands while an earlier reply is unread.

    ``in_flight``: a command was sent and its reply not read to the end.
    ``condemned``: why the connection must not be used again, or "".
    """

    in_flight = False
    condemned = ""

    # PyMySQL's, with no types of their own.
    _current_timeout: Any
    _next_seq_id: int
    _read_timeout: Any
    _result: Any
    _sock: Any
    _answer_by = 0.0

    @contextmanager
    def answering_within(self, seconds: float) -> Iterator[None]:
        """Limit the time for all replies; a late one closes the connection."""
        usual, self._read_timeout = self._read_timeout, seconds
        self._answer_by = monotonic() + seconds
        try:
            yield
        finally:
            self._read_timeout, self._answer_by = usual, 0.0

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
        if packet_type is FieldDescriptorPacket:
            return column(self.read_payload(), self.encoding)
        return packet_type(self.read_payload(), self.encoding)

    def read_payload(self) -> bytes:
        """Read one packet and give what is in it; raise the error that it is."""
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
            raise _out_of_order(header[3], self._next_seq_id)
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


def _lost(reason: str) -> err.OperationalError:
    return err.OperationalError(
        CR.CR_SERVER_LOST, f"Lost connection to MySQL server during query ({reason})"
    )


def _out_of_order(found: int, expected: int) -> err.MySQLError:
    if found == 0:
        # MariaDB says farewell with a packet that is numbered 0.
        return _lost("the server ended it")
    return err.InternalError(
        f"Packet sequence number wrong - got {found} expected {expected}"
    )

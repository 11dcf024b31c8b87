"""Results of queries, read with as few objects as the protocol allows.

A result has a packet for each column and each row; PyMySQL makes several objects
of each of them.
"""

from collections.abc import Callable
from functools import lru_cache
from struct import Struct
from typing import Any

from pymysql.connections import MySQLResult
from pymysql.constants import SERVER_STATUS
from pymysql.protocol import FieldDescriptorPacket, MysqlPacket

END_MARK = 0xFE
# A row that begins with the same byte has at least eight more.
LONGEST_END_BYTES = 8
END = Struct("<xHH")
NULL_MARK = 0xFB
LONGEST_SHORT_TEXT = 250
LENGTH_BYTES = {0xFC: 2, 0xFD: 3, 0xFE: 8}
KNOWN_COLUMNS = 2000
"""A kilobyte each; a site has a few hundred."""

# The same columns are described in the same bytes, query after query.
column = lru_cache(KNOWN_COLUMNS)(FieldDescriptorPacket)


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
            if payload[0] == END_MARK and len(payload) <= LONGEST_END_BYTES:
                self._note_end(payload)
                break
            rows.append(read_row(payload))
        self.connection = None
        self.affected_rows = len(rows)
        self.rows = tuple(rows)

    def _check_packet_is_eof(self, packet: MysqlPacket) -> bool:
        is_end: bool = packet.is_eof_packet()
        if is_end:
            self._note_end(packet.get_all_data())
        return is_end

    def _note_end(self, payload: bytes) -> None:
        self.warning_count, status = END.unpack(payload)
        self.has_next = status & SERVER_STATUS.SERVER_MORE_RESULTS_EXISTS
        # PyMySQL drops it: a SELECT may have begun a transaction.
        self.connection.server_status = status

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

"""One sheet of a workbook as a stream of rows, in memory that does not grow."""

import itertools
from collections.abc import Generator, Iterator

from core.importing.reading.archive import Archive, Part
from core.importing.reading.cells import Layouts, Row
from core.importing.reading.fast_rows import ROW_END, FastRows
from core.importing.reading.faults import Damaged
from core.importing.reading.sheet_xml import SheetParser
from core.importing.reading.values import Values

ROWS_START = b"<sheetData>"
ROW_END_BYTES = ROW_END.encode()
# A longer row is left to expat, which needs no whole one.
MAX_ROW_BYTES = 2 * 1024**2


class Worksheet:
    def __init__(self, archive: Archive, part: str, values: Values) -> None:
        self._archive = archive
        self._name = part
        self._values = values
        self._layouts = Layouts()
        self._parser = SheetParser(values, self._layouts)
        self._part: Part | None = None

    @property
    def progress(self) -> float:
        return 0.0 if self._part is None else self._part.progress

    @property
    def merged_ranges(self) -> tuple[str, ...]:
        return tuple(self._parser.merged_ranges)

    @property
    def hidden_rows(self) -> int:
        return self._parser.hidden_rows

    def rows(self) -> Iterator[Row]:
        with self._archive.open(self._name) as part:
            self._part = part
            chunks = part.chunks()
            unread = yield from self._read_fast(chunks)
            for data in itertools.chain([unread], chunks):
                self._parser.feed(data)
                yield from self._parser.take_rows()
            self._parser.close()
            yield from self._parser.take_rows()

    def _read_fast(self, chunks: Iterator[bytes]) -> Generator[Row, None, bytes]:
        """Read what can be read fast; give the bytes that the parser has to see next."""
        data = next(chunks, b"")
        start = data.find(ROWS_START)
        if start < 0:
            return data
        start += len(ROWS_START)
        self._parser.feed(data[:start])
        data = data[start:]
        if self._parser.encoding != "utf-8":
            return data
        fast = FastRows(self._parser, self._values, self._layouts)
        while fast.is_usable:
            end = data.rfind(ROW_END_BYTES) + len(ROW_END_BYTES)
            if end >= len(ROW_END_BYTES):
                yield from fast.rows(_decoded(data[:end]))
                data = data[end:]
            elif len(data) > MAX_ROW_BYTES:
                break
            if not (chunk := next(chunks, b"")):
                break
            data += chunk
        return data


def _decoded(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise Damaged("the sheet is not UTF-8") from error

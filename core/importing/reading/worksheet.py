"""One sheet of a workbook as a stream of rows."""

import re
from collections.abc import Iterator

from core.importing.reading.archive import Archive, Part
from core.importing.reading.cells import Layouts, Row
from core.importing.reading.fast_rows import FastRows
from core.importing.reading.sheet_xml import SheetParser
from core.importing.reading.streams import read_items
from core.importing.reading.values import Values

ROWS_START = re.compile(rb"<(|\w+:)sheetData>")


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
            yield from read_items(
                part.chunks(),
                self._parser,
                lambda: FastRows(self._parser, self._values, self._layouts),
                start=ROWS_START,
                item=b"row",
            )

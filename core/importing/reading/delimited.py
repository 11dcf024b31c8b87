"""Delimited text (CSV, TSV) as rows of texts."""

import codecs
import csv
import os
import re
from collections.abc import Iterator
from functools import partial
from io import BufferedReader
from itertools import islice
from typing import TextIO

from django.utils.translation import gettext as _
from openpyxl.utils import get_column_letter

from core.importing.errors import shown
from core.importing.reading.cells import Cell, Kind, Layouts, Row
from core.importing.reading.faults import (
    MAX_CELL_CHARACTERS,
    MAX_COLUMNS,
    Unreadable,
    text_too_long,
    too_many_columns,
)

BOMS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
# GB18030 holds GBK and GB2312. Ordinary Chinese text in one of these is none in the
# other; a detector by statistics takes one for something else now and then.
ENCODINGS = ("utf-8", "gb18030")
CHUNK_BYTES = 256 * 1024

DELIMITERS = ",\t;|"
SAMPLE_LINES = 50
# Excel understands this above the header, and writes it in some countries.
DELIMITER_LINE = re.compile(r"sep=(.)\s*")
MAX_LINE_CHARACTERS = 4 * 1024**2
MAX_RECORD_CHARACTERS = 16 * 1024**2
# How programs keep a spreadsheet from taking a text for a number.
TEXT_FORMULA = re.compile(r'="([^"]*)"')


class DelimitedText:
    """The records of a text file; every cell is a text."""

    merged_ranges: tuple[str, ...] = ()
    hidden_rows = 0

    def __init__(self, file: BufferedReader, encoding: str | None) -> None:
        self._descriptor = file.fileno()
        self._size = os.fstat(file.fileno()).st_size
        self._encoding = _known(encoding) if encoding else _encoding_of(file)
        self._layouts = Layouts()
        self._line = 0
        self._record_characters = 0

    @property
    def progress(self) -> float:
        position = os.lseek(self._descriptor, 0, os.SEEK_CUR)
        return min(1.0, position / max(1, self._size))

    def rows(self) -> Iterator[Row]:
        delimiter, first_record = self._delimiter()
        records = csv.reader(self._lines(), delimiter=delimiter, strict=True)
        try:
            for number, record in enumerate(records, start=1):
                self._record_characters = 0
                if number >= first_record and (row := self._row(number, record)):
                    yield row
        except csv.Error as error:
            raise self._malformed(error) from error

    def _lines(self) -> Iterator[str]:
        self._line = self._record_characters = 0
        os.lseek(self._descriptor, 0, os.SEEK_SET)
        # A descriptor of its own, which may be closed later than the file or earlier.
        with open(
            os.dup(self._descriptor), encoding=self._encoding, newline=""
        ) as text:
            while line := self._next_line(text):
                self._line += 1
                self._record_characters += len(line)
                if (
                    len(line) > MAX_LINE_CHARACTERS
                    or self._record_characters > MAX_RECORD_CHARACTERS
                ):
                    raise _too_long(self._line)
                yield line

    def _next_line(self, text: TextIO) -> str:
        try:
            return text.readline(MAX_LINE_CHARACTERS + 1)
        except UnicodeError as error:
            raise _not_encoded(self._encoding) from error

    def _row(self, number: int, record: list[str]) -> Row | None:
        if len(record) > MAX_COLUMNS:
            raise too_many_columns()
        cells = []
        for column, field in enumerate(record, start=1):
            if text := _text(field):
                if len(text) > MAX_CELL_CHARACTERS:
                    raise text_too_long(f"{get_column_letter(column)}{number}")
                cells.append((column, Cell(Kind.TEXT, text)))
        return self._layouts.row(number, cells, hidden=False) if cells else None

    def _delimiter(self) -> tuple[str, int]:
        """Give the delimiter, and the number of the first record with data."""
        lines = list(islice(self._lines(), SAMPLE_LINES))
        if lines and (match := DELIMITER_LINE.fullmatch(lines[0])):
            return match[1], 2
        return max(DELIMITERS, key=partial(_regularity, lines)), 1

    def _malformed(self, error: csv.Error) -> Unreadable:
        if "field larger than" in str(error):
            return text_too_long()
        return Unreadable(
            _(
                "the quotation marks around a text that ends in line %(line)s do not "
                "match; write a quotation mark within a text twice."
            )
            % {"line": self._line}
        )


def _regularity(lines: list[str], delimiter: str) -> tuple[float, int]:
    """Tell how well a delimiter divides the lines: alike, and into many columns."""
    try:
        records = list(csv.reader(lines, delimiter=delimiter))
    except csv.Error:
        return 0, 0
    widths = [len(record) for record in records if record]
    if not widths or widths[0] == 1:
        return 0, 0
    return widths.count(widths[0]) / len(widths), widths[0]


def _text(field: str) -> str:
    if field.startswith('="') and (match := TEXT_FORMULA.fullmatch(field)):
        field = match[1]
    if "\r" in field:
        field = field.replace("\r\n", "\n").replace("\r", "\n")
    return "" if field.isspace() else field


def _encoding_of(file: BufferedReader) -> str:
    file.seek(0)
    start = file.read(4)
    for bom, encoding in BOMS.items():
        if start.startswith(bom):
            return encoding
    for encoding in ENCODINGS:
        if _is_encoded(file, encoding):
            return encoding
    raise Unreadable(
        _(
            "the text is neither UTF-8 nor GB18030; name its encoding, or save the "
            "file as .xlsx."
        )
    )


def _is_encoded(file: BufferedReader, encoding: str) -> bool:
    decoder = codecs.getincrementaldecoder(encoding)()
    file.seek(0)
    try:
        while data := file.read(CHUNK_BYTES):
            decoder.decode(data)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def _known(encoding: str) -> str:
    try:
        name = codecs.lookup(encoding).name
        "".encode(name)  # some codecs encode no text
    except (LookupError, ValueError):
        raise Unreadable(
            _(
                'the encoding "%(encoding)s" is unknown; expected one such as utf-8 '
                "or gb18030."
            )
            % {"encoding": shown(encoding)}
        ) from None
    # The mark at the start of the file is no part of the first header.
    return "utf-8-sig" if name == "utf-8" else name


def _not_encoded(encoding: str) -> Unreadable:
    return Unreadable(
        _("the text is not encoded as %(encoding)s; name its encoding.")
        % {"encoding": encoding}
    )


def _too_long(line: int) -> Unreadable:
    return Unreadable(
        _(
            "line %(line)s is too long for a row; expected text whose quotation marks "
            "match."
        )
        % {"line": line}
    )

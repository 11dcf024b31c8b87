"""The table of texts that cells refer to by number."""

import os
import re
from array import array
from collections.abc import Iterator
from contextlib import ExitStack
from functools import lru_cache
from tempfile import TemporaryFile
from typing import ClassVar, Protocol

from core.importing.reading.archive import Archive
from core.importing.reading.faults import (
    MAX_CELL_CHARACTERS,
    Damaged,
    text_too_long,
)
from core.importing.reading.streams import FastReader, ItemParser, read_items
from core.importing.reading.texts import (
    MAX_STORED_CHARACTERS,
    Unusual,
    cell_text,
    has_controls,
    text_of_xml,
)
from core.importing.reading.xml import Attributes

MAX_STRINGS = 2**24
MAX_BYTES_IN_MEMORY = 64 * 1024**2
# What an empty text takes, and the reference to it.
STRING_BYTES = 64

TABLE_START = re.compile(rb"<(|\w+:)sst(?: [^<>]*)?>")
PHONETIC = re.compile(r"<phoneticPr(?: [a-zA-Z]+=\"[a-zA-Z0-9]*\")*/>")
FIRST, LAST = "<si><t>", "</t></si>"
MARKUP = (FIRST + LAST).count("<")


class Texts(Protocol):
    def __len__(self) -> int: ...

    def __getitem__(self, index: int, /) -> str: ...


def read_shared_strings(archive: Archive, name: str, resources: ExitStack) -> Texts:
    """Read the table; ``resources`` closes the file that it may need."""
    if not name:
        return []
    table = _Table(resources)
    parser = _SharedStringsParser()
    with archive.open(name) as part:
        for texts in read_items(
            part.chunks(),
            parser,
            lambda: _FastStrings(parser, "sst"),
            start=TABLE_START,
            item=b"si",
        ):
            table.extend(texts)
    return table.complete()


class _Table:
    """Texts by number: the first in memory, the rest of very many in a file."""

    def __init__(self, resources: ExitStack) -> None:
        self._resources = resources
        self._first: list[str] = []
        self._bytes = 0
        self._rest: _Spilled | None = None

    def extend(self, texts: list[str]) -> None:
        if self._rest is not None:
            if len(self) + len(texts) > MAX_STRINGS:
                raise Damaged("too many shared strings")
            self._rest.extend(texts)
            return
        self._first += texts
        # A character takes one to four bytes, that of a Chinese text two.
        self._bytes += STRING_BYTES * len(texts) + 2 * sum(map(len, texts))
        if self._bytes > MAX_BYTES_IN_MEMORY:
            self._rest = _Spilled(self._resources)

    def complete(self) -> Texts:
        if self._rest is None:
            return self._first
        self._rest.flush()
        return self

    def __len__(self) -> int:
        return len(self._first) + (0 if self._rest is None else len(self._rest))

    def __getitem__(self, index: int, /) -> str:
        if self._rest is None or index < len(self._first):
            return self._first[index]
        return self._rest.read(index - len(self._first))


class _Spilled:
    def __init__(self, resources: ExitStack) -> None:
        self._file = resources.enter_context(TemporaryFile())  # noqa: SIM115
        self._ends = array("Q", [0])
        self.read = lru_cache(maxsize=4_096)(self._read)
        self.flush = self._file.flush

    def extend(self, texts: list[str]) -> None:
        for text in texts:
            encoded = text.encode()
            self._file.write(encoded)
            self._ends.append(self._ends[-1] + len(encoded))

    def __len__(self) -> int:
        return len(self._ends) - 1

    def _read(self, index: int) -> str:
        start, end = self._ends[index], self._ends[index + 1]
        return os.pread(self._file.fileno(), end - start, start).decode()


class _FastStrings(FastReader[list[str]]):
    """Reads texts that are of one run, as nearly all are, many at once."""

    def _read(self, text: str) -> Iterator[list[str]]:
        try:
            yield _plain_texts(text)
        except Unusual:
            yield from self._read_exactly(text)


def _plain_texts(xml: str) -> list[str]:
    if not xml.isprintable() and has_controls(xml):
        raise Unusual
    # East Asian editions of Excel write of each text how its reading is shown.
    plain = PHONETIC.sub("", xml) if "<phoneticPr" in xml else xml
    plain = plain.replace('<t xml:space="preserve">', "<t>")
    texts = plain.removeprefix(FIRST).removesuffix(LAST).split(LAST + FIRST)
    if not (
        plain.startswith(FIRST)
        and plain.endswith(LAST)
        and plain.count("<") == MARKUP * len(texts)
    ):
        raise Unusual
    is_long = max(map(len, texts)) > MAX_CELL_CHARACTERS
    if "&" in plain or "_x" in plain or is_long:
        return list(map(text_of_xml, texts))
    return ["" if text.isspace() else text for text in texts]


class _SharedStringsParser(ItemParser[list[str]]):
    """Joins the runs of a text; what a phonetic guide says is none of it."""

    CHILDREN: ClassVar = {
        "": frozenset({"sst"}),
        "sst": frozenset({"si"}),
        "si": frozenset({"t", "r"}),
        "r": frozenset({"t"}),
    }
    TEXTS = frozenset({"t"})

    def __init__(self) -> None:
        super().__init__()
        self._texts: list[str] = []
        self._pieces: list[str] = []
        self._characters = 0

    def take(self) -> list[list[str]]:
        texts, self._texts = self._texts, []
        return [texts]

    def start_si(self, attributes: Attributes) -> None:
        self._pieces.clear()
        self._characters = 0

    def end_si(self) -> None:
        self._texts.append(cell_text("".join(self._pieces)))

    def text(self, data: str) -> None:
        self._characters += len(data)
        if self._characters > MAX_STORED_CHARACTERS:
            raise text_too_long()
        self._pieces.append(data)

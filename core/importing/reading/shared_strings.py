"""The table of texts that cells refer to by number."""

import os
from array import array
from contextlib import ExitStack
from functools import lru_cache
from tempfile import TemporaryFile
from typing import ClassVar, Protocol

from core.importing.reading.archive import MAX_INFLATED_BYTES, Archive
from core.importing.reading.faults import Damaged, text_too_long
from core.importing.reading.texts import MAX_STORED_CHARACTERS, cell_text
from core.importing.reading.xml import Attributes, PartParser, parse_part

MAX_STRINGS = 2**24
MAX_BYTES_IN_MEMORY = 64 * 1024**2
# What an empty text takes, and the reference to it.
STRING_BYTES = 64


class Texts(Protocol):
    def __len__(self) -> int: ...

    def __getitem__(self, index: int, /) -> str: ...


def read_shared_strings(archive: Archive, part: str, resources: ExitStack) -> Texts:
    """Read the table; ``resources`` closes the file that it may need."""
    if not part:
        return []
    parser = _SharedStringsParser(_Table(resources))
    parse_part(archive, part, parser, max_bytes=MAX_INFLATED_BYTES)
    return parser.table.complete()


class _Table:
    """Texts by number: the first in memory, the rest of very many in a file."""

    def __init__(self, resources: ExitStack) -> None:
        self._resources = resources
        self._first: list[str] = []
        self._bytes_in_memory = 0
        self._rest: _Spilled | None = None

    def append(self, text: str) -> None:
        if self._rest is not None:
            self._rest.append(text)
            return
        self._first.append(text)
        # A character takes one to four bytes, that of a Chinese text two.
        self._bytes_in_memory += STRING_BYTES + 2 * len(text)
        if self._bytes_in_memory > MAX_BYTES_IN_MEMORY:
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

    def append(self, text: str) -> None:
        encoded = text.encode()
        self._file.write(encoded)
        self._ends.append(self._ends[-1] + len(encoded))

    def __len__(self) -> int:
        return len(self._ends) - 1

    def _read(self, index: int) -> str:
        start, end = self._ends[index], self._ends[index + 1]
        return os.pread(self._file.fileno(), end - start, start).decode()


class _SharedStringsParser(PartParser):
    """Joins the runs of a text; what a phonetic guide says is none of it."""

    CHILDREN: ClassVar = {
        "": frozenset({"sst"}),
        "sst": frozenset({"si"}),
        "si": frozenset({"t", "r"}),
        "r": frozenset({"t"}),
    }
    TEXTS = frozenset({"t"})

    def __init__(self, table: _Table) -> None:
        super().__init__()
        self.table = table
        self._pieces: list[str] = []
        self._characters = 0

    def start_si(self, attributes: Attributes) -> None:
        self._pieces.clear()
        self._characters = 0

    def end_si(self) -> None:
        if len(self.table) >= MAX_STRINGS:
            raise Damaged("too many shared strings")
        self.table.append(cell_text("".join(self._pieces)))

    def text(self, data: str) -> None:
        self._characters += len(data)
        if self._characters > MAX_STORED_CHARACTERS:
            raise text_too_long()
        self._pieces.append(data)

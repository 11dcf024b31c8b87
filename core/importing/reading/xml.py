"""XML parts of a workbook, read as a stream and distrusted.

Namespaces are not looked at: there are two sets of them (transitional and strict)
with any prefixes, and the hierarchy of the elements tells as much. Refused is what no
real workbook has and what would fill the memory or take forever: a DOCTYPE (so there
are no entities), deep nesting, endless different names, single tags of a megabyte.
"""

from collections.abc import Callable, Mapping
from typing import ClassVar
from xml.parsers import expat

from django.utils.translation import gettext as _

from core.importing.reading.archive import Archive
from core.importing.reading.faults import Damaged, Unreadable

Attributes = dict[str, str]

# Those that expat knows itself.
ENCODINGS = {"utf-8", "utf-16", "utf-16le", "utf-16be", "iso-8859-1", "us-ascii"}
MAX_DEPTH = 100
MAX_NAMES = 10_000
# Expat scans an unfinished tag anew with each piece that it is fed.
MAX_TOKEN_BYTES = 2 * 1024**2


class PartParser:
    """Calls methods for the elements of a known hierarchy, skips all others.

    ``CHILDREN`` names the elements that are looked at below an element; "" is above
    the root. For an element ``row`` the methods are ``start_row(attributes)`` and
    ``end_row()``. The text within an element of ``TEXTS`` is given to ``text``.
    """

    CHILDREN: ClassVar[Mapping[str, frozenset[str]]]
    TEXTS: ClassVar[frozenset[str]] = frozenset()

    def __init__(self) -> None:
        self._names: dict[str, str] = {}
        self._parser = expat.ParserCreate(intern=self._names)
        self._parser.buffer_text = True
        self._parser.StartDoctypeDeclHandler = _refuse_doctype
        self._parser.XmlDeclHandler = self._declaration
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._text
        self._fed = 0
        self._skipped = 0
        self._open = [""]
        self._starts = self._methods("start_")
        self._ends = self._methods("end_")
        self.encoding = "utf-8"

    def feed(self, data: bytes) -> None:
        self._parser.Parse(data, False)
        self._fed += len(data)
        if self._fed - self._parser.CurrentByteIndex > MAX_TOKEN_BYTES:
            raise Damaged("a tag is too long")
        if len(self._names) > MAX_NAMES:
            raise Damaged("too many names")

    def close(self) -> None:
        self._parser.Parse(b"", True)

    def is_within(self, name: str) -> bool:
        """Tell if the next element will be a child of ``name``."""
        return self._open[-1] == name and not self._skipped

    def text(self, data: str) -> None:
        raise NotImplementedError

    def _methods(self, prefix: str) -> dict[str, Callable[..., None]]:
        names = frozenset().union(*self.CHILDREN.values())
        return {
            name: getattr(self, prefix + name)
            for name in names
            if hasattr(self, prefix + name)
        }

    def _declaration(self, version: str, encoding: str | None, standalone: int) -> None:
        self.encoding = (encoding or "utf-8").lower()
        if self.encoding not in ENCODINGS:
            raise Damaged(f"the encoding {encoding}")

    def _start(self, name: str, attributes: Attributes) -> None:
        if not self._skipped:
            if ":" in name:
                name = name.rpartition(":")[2]
            if name in self.CHILDREN.get(self._open[-1], ()):
                self._open.append(name)
                if method := self._starts.get(name):
                    method(attributes)
                return
            if len(self._open) == 1:
                raise Damaged(f"the root is {name}")
        self._skipped += 1
        if self._skipped > MAX_DEPTH:
            raise Damaged("elements are nested too deep")

    def _end(self, name: str) -> None:
        if self._skipped:
            self._skipped -= 1
            return
        if method := self._ends.get(self._open.pop()):
            method()

    def _text(self, data: str) -> None:
        if self._open[-1] in self.TEXTS and not self._skipped:
            self.text(data)


def parse_part(
    archive: Archive, name: str, parser: PartParser, *, max_bytes: int
) -> None:
    """Read a part that is held in memory as a whole afterwards."""
    size = 0
    with archive.open(name) as part:
        for data in part.chunks():
            size += len(data)
            if size > max_bytes:
                raise Damaged(f"{name} is too large")
            parser.feed(data)
    parser.close()


def attribute(attributes: Attributes, name: str) -> str | None:
    """Give the value of an attribute that has a prefix, whatever the prefix."""
    for key, value in attributes.items():
        if key.rpartition(":")[2] == name:
            return value
    return None


def is_true(value: str | None) -> bool:
    return value in {"1", "true", "on"}


def _refuse_doctype(*declaration: object) -> None:
    raise Unreadable(
        _(
            "the workbook declares XML entities, which real workbooks do not; it was "
            "not read."
        )
    )

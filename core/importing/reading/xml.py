"""XML parts of a workbook, read as a stream and distrusted.

Namespaces are not looked at: there are two sets of them (transitional and strict)
with any prefixes, and the hierarchy of the elements tells as much. Refused is what no
real workbook has and what would fill the memory or take forever: a DOCTYPE (so there
are no entities), deep nesting, endless different names, single tags of a megabyte.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
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


@dataclass(slots=True)
class Level:
    """Where a parser is: within ``name``, looking at these elements below it."""

    name: str
    takes_text: bool = False
    end: Callable[[], None] | None = None
    below: "dict[str, tuple[Level, Callable[[Attributes], None] | None]]" = field(
        default_factory=dict
    )


SKIPPED = Level("skipped")


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
        self._level = self._level_of("")
        self._above: list[Level] = []
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
        return self._level.name == name

    def text(self, data: str) -> None:
        raise NotImplementedError

    def _level_of(self, name: str) -> Level:
        level = Level(name, name in self.TEXTS, getattr(self, f"end_{name}", None))
        for child in self.CHILDREN.get(name, ()):
            start = getattr(self, f"start_{child}", None)
            level.below[child] = (self._level_of(child), start)
        return level

    def _declaration(self, version: str, encoding: str | None, standalone: int) -> None:
        self.encoding = (encoding or "utf-8").lower()
        if self.encoding not in ENCODINGS:
            raise Damaged(f"the encoding {encoding}")

    def _start(self, name: str, attributes: Attributes) -> None:
        below = self._level.below
        found = below.get(name) or below.get(name.rpartition(":")[2])
        self._above.append(self._level)
        if found is None:
            self._skip(name)
            return
        self._level, start = found
        if start is not None:
            start(attributes)

    def _skip(self, name: str) -> None:
        if not self._level.name:
            raise Damaged(f"the root is {name}")
        if len(self._above) > MAX_DEPTH:
            raise Damaged("elements are nested too deep")
        self._level = SKIPPED

    def _end(self, name: str) -> None:
        end = self._level.end
        self._level = self._above.pop()
        if end is not None:
            end()

    def _text(self, data: str) -> None:
        if self._level.takes_text:
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

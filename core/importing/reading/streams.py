"""A long part of a workbook as a stream of items, in memory that does not grow.

Two readers share the work. The parser reads everything exactly. The fast reader is
given whole items as text, reads those that it knows for sure, and feeds the parser with
all others. So the parser sees a well-formed document from which items were taken, and
has read all that stands before, between and behind them.
"""

import itertools
import re
from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

from core.importing.reading.faults import Damaged
from core.importing.reading.references import References
from core.importing.reading.xml import PartParser

Item = TypeVar("Item")

# Markup with the one of its characters that is rare: looking for that alone is fast.
UNUSUAL_MARKUP = (("!", "<!"), ("?", "<?"), ("]", "]]>"))
# A longer item is left to the parser, which needs no whole one.
MAX_ITEM_BYTES = 2 * 1024**2


class ItemParser(PartParser, Generic[Item]):
    """Collects items of what it is fed, until they are taken."""

    def __init__(self) -> None:
        super().__init__()
        self.items: list[Item] = []

    def take(self) -> list[Item]:
        items, self.items = self.items, []
        return items


class FastReader(Generic[Item]):
    """Reads texts of whole items; ``is_usable`` until something else is among them.

    ``parent`` is the element whose children the items are.
    """

    def __init__(self, parser: ItemParser[Item], parent: str) -> None:
        self._parser = parser
        self._parent = parent
        self._references = References()
        self.is_usable = parser.is_within(parent)

    def read(self, text: str) -> Iterator[Item]:
        if _has_unusual_markup(text):
            self.is_usable = False
        if not self.is_usable:
            yield from self._read_exactly(text)
            return
        yield from self._read(self._references.decoded(text) if "&#" in text else text)

    def _read(self, text: str) -> Iterator[Item]:
        raise NotImplementedError

    def _read_exactly(self, text: str) -> list[Item]:
        self._parser.feed(text.encode())
        self.is_usable = self.is_usable and self._parser.is_within(self._parent)
        return self._parser.take()


def read_items(
    chunks: Iterator[bytes],
    parser: ItemParser[Item],
    new_fast_reader: Callable[[], FastReader[Item]],
    *,
    start: re.Pattern[bytes],
    item: bytes,
) -> Iterator[Item]:
    """Read a part. The fast reader begins behind ``start``; items are elements ``item``.

    ``start`` has one group: the prefix of the namespace that it finds.
    """
    data = next(chunks, b"")
    if match := start.search(data):
        parser.feed(data[: match.end()])
        data = data[match.end() :]
        # Else the parser is the one who knows the encoding.
        if parser.encoding == "utf-8":
            prefix, fast = match[1], new_fast_reader()
            end = b"</" + prefix + item + b">"
            while fast.is_usable:
                items_end = data.rfind(end) + len(end)
                if items_end >= len(end):
                    items = _without_prefix(data[:items_end], prefix)
                    yield from fast.read(_decoded(items))
                    data = data[items_end:]
                elif len(data) > MAX_ITEM_BYTES:
                    break
                if not (chunk := next(chunks, b"")):
                    break
                data += chunk
    for chunk in itertools.chain([data], chunks):
        parser.feed(chunk)
        yield from parser.take()
    parser.close()
    yield from parser.take()


def _without_prefix(xml: bytes, prefix: bytes) -> bytes:
    """Take a prefix from the names of elements, which the parser does not look at."""
    if not prefix:
        return xml
    return xml.replace(b"<" + prefix, b"<").replace(b"</" + prefix, b"</")


def _decoded(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise Damaged("a part is not UTF-8") from error


def _has_unusual_markup(text: str) -> bool:
    """Tell if there are comments and the like, which may hold what looks like items."""
    return any(rare in text and markup in text for rare, markup in UNUSUAL_MARKUP)

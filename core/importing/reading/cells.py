"""What rows of a sheet consist of.

Nearly all rows of a file are alike: the same columns, kinds and formats. So a row
is its texts and a ``Layout`` that says what they are, which is one object for all
rows alike; a reader of rows can prepare its conversions once per layout.
"""

from collections.abc import Iterable, Sequence
from enum import IntEnum
from typing import NamedTuple

MAX_LAYOUTS = 4_096


class Kind(IntEnum):
    TEXT = 1
    NUMBER = 2
    BOOLEAN = 3
    DATE = 4
    ERROR = 5
    FORMULA_WITHOUT_VALUE = 6
    # A number whose format is a date, though there is no such date.
    INVALID_DATE = 7


class Cell(NamedTuple):
    """A cell with content.

    ``text`` is a number exactly as the file has it; "1" or "0"; an error such as
    "#N/A"; a formula with its "="; or a date as in ``core.importing.reading.serials``.
    ``digits``: how many its format pads a number to with zeros, or 0.
    """

    kind: Kind
    text: str
    digits: int = 0


class Layout:
    """Which columns of a row have content, and of what kind; all in parallel."""

    __slots__ = ("columns", "digits", "kinds")

    def __init__(
        self,
        columns: tuple[int, ...],
        kinds: tuple[Kind, ...],
        digits: tuple[int, ...],
    ) -> None:
        self.columns = columns
        self.kinds = kinds
        self.digits = digits


class Row(NamedTuple):
    """A row with content; ``number`` and columns count from 1, as in the file."""

    number: int
    layout: Layout
    texts: Sequence[str]
    hidden: bool = False

    @property
    def cells(self) -> dict[int, Cell]:
        layout = self.layout
        cells = map(Cell, layout.kinds, self.texts, layout.digits)
        return dict(zip(layout.columns, cells, strict=True))


class Layouts:
    """Hands out one ``Layout`` for all rows alike.

    Rows that all differ must not fill the memory, so that what is known is forgotten
    now and then; rows alike may have two layouts then.
    """

    def __init__(self) -> None:
        self._known: dict[tuple[tuple[int, ...], ...], Layout] = {}

    def of(
        self,
        columns: tuple[int, ...],
        kinds: tuple[Kind, ...],
        digits: tuple[int, ...],
    ) -> Layout:
        key = (columns, kinds, digits)
        layout = self._known.get(key)
        if layout is None:
            if len(self._known) >= MAX_LAYOUTS:
                self._known.clear()
            layout = self._known[key] = Layout(columns, kinds, digits)
        return layout

    def row(self, number: int, cells: Iterable[tuple[int, Cell]], hidden: bool) -> Row:
        columns, contents = zip(*cells, strict=True)
        kinds, texts, digits = zip(*contents, strict=True)
        return Row(number, self.of(columns, kinds, digits), texts, hidden)

"""The shapes of rows: what remains of them when the values are cut out.

Cut out of ``<row r="7"><c r="A7" t="s"><v>12</v></c>...`` the values and the number
of the row, and what remains is the same text for all rows alike. A shape is accepted
only if every bit of it is known to the strict patterns below.
"""

import itertools
import re
from collections.abc import Callable
from dataclasses import dataclass

from openpyxl.utils import column_index_from_string

from core.importing.reading.cells import Kind, Layout, Layouts
from core.importing.reading.faults import MAX_COLUMNS, Damaged
from core.importing.reading.values import Values
from core.importing.reading.xml import is_true

# What stands in a shape for the number of the row, and for where a value begins and
# ends. XML cannot hold these characters.
ROW_NUMBER = "\x00"
CUT = "\x01"
MARKUP = {
    "<v>": CUT,
    "</v>": f"{CUT}\x02",
    "<is><t>": f"\x03{CUT}",
    "</t></is>": f"{CUT}\x04",
    "<f>": f"\x05{CUT}",
    "</f>": f"{CUT}\x06",
}
MARKS = "\x00\x01\x02\x03\x04\x05\x06"
PADDED_TEXT = '<is><t xml:space="preserve">'

ROW = re.compile(rf"""<row r="{ROW_NUMBER}"((?: [\w:]+="[^"<>&\x00-\x1f]*")*)>""")
HIDDEN = re.compile(r' hidden="([^"]*)"')
STYLE = r'(?: s="([0-9]{1,6})")?'
# What remains in a shape where a value was cut out.
VALUE = f"{CUT}\x02"
INLINE = f"\x03{CUT}\x04"
FORMULA = f"\x05{CUT}\x06"
VALUES = re.compile(f"{VALUE}|{INLINE}|{FORMULA}")
# The same as patterns of rows, which need not know all forms, only the usual ones.
PATTERNS_OF_MARKUP = {
    VALUE: "<v>({})</v>",
    INLINE: '<is><t(?: xml:space="preserve")?>({})</t></is>',
    FORMULA: "<f>({})</f>",
}
NUMBER_OF_ROW_PATTERN = "([1-9][0-9]{0,6})"
INDEX_PATTERN = "[0-9]{1,9}"
BOOLEAN_PATTERN = "[01]"
NUMBER_PATTERN = r"-?[0-9]{1,18}(?:\.[0-9]{1,20})?(?:E-?[0-9]{1,2})?"
TEXT_PATTERN = "[^<]*"
CELL = re.compile(
    rf'\s*<c r="([A-Z]{{1,3}}){ROW_NUMBER}"{STYLE}(?: t="(\w+)")?{STYLE}'
    # blank; or an inline text; or a value, perhaps with the formula that it is of
    rf"(?:/>|></c>|>({INLINE})</c>"
    rf'|>({FORMULA}|<f t="shared" si="[0-9]+"/>)?({VALUE})</c>)'
)


@dataclass(slots=True)
class Shape:
    """What the values of a row are; all numbers are positions among the values.

    ``kept``: the values of cells, if there are others. ``markup``: how many ``<``
    there are around the values. ``rows``: how many rows of it were seen.
    """

    structure: str
    layout: Layout
    hidden: bool
    markup: int
    kept: tuple[int, ...] | None
    shared: tuple[int, ...]
    texts: tuple[int, ...]
    numbers: tuple[int, ...]
    booleans: tuple[int, ...]
    dates: tuple[tuple[int, Callable[[str], str | None]], ...]
    rows: int = 0
    pattern: re.Pattern[str] | None = None


def marked(row: str) -> str:
    """Replace the markup around values by marks, at which they can be cut out."""
    row = row.replace(PADDED_TEXT, "<is><t>")
    for markup, mark in MARKUP.items():
        row = row.replace(markup, mark)
    return row


def pattern_of(shape: Shape) -> re.Pattern[str]:
    """Give what matches rows of a shape: their number, then all of their values."""
    values = dict.fromkeys(shape.shared, INDEX_PATTERN)
    values |= dict.fromkeys(shape.booleans, BOOLEAN_PATTERN)
    values |= dict.fromkeys(shape.numbers, NUMBER_PATTERN)
    positions = itertools.count()

    def pattern_of_value(mark: re.Match[str]) -> str:
        value = values.get(next(positions), TEXT_PATTERN)
        return PATTERNS_OF_MARKUP[mark[0]].format(value)

    structure = re.escape(shape.structure)
    structure = structure.replace(ROW_NUMBER, NUMBER_OF_ROW_PATTERN, 1)
    structure = structure.replace(ROW_NUMBER, r"\1")
    return re.compile(VALUES.sub(pattern_of_value, structure))


def analysed(structure: str, values: Values, layouts: Layouts) -> Shape | None:
    """Understand the text of a shape; give nothing if any of it is unusual."""
    row = ROW.match(structure)
    if row is None:
        return None
    analysis = _Analysis(values)
    position = row.end()
    while position < len(structure):
        cell = CELL.match(structure, position)
        if cell is None or not analysis.add(cell):
            return None
        position = cell.end()
    hidden = HIDDEN.search(row[1])
    return analysis.shape(
        layouts,
        structure,
        hidden=hidden is not None and is_true(hidden[1]),
    )


class _Analysis:
    def __init__(self, values: Values) -> None:
        self._values = values
        self._column = 0
        self._positions = 0
        self._cells: list[tuple[int, Kind, int]] = []
        self._kept: list[int] = []
        self._shared: list[int] = []
        self._texts: list[int] = []
        self._numbers: list[int] = []
        self._booleans: list[int] = []
        self._dates: list[tuple[int, Callable[[str], str | None]]] = []

    def add(self, match: re.Match[str]) -> bool:
        letters, style, kind, late_style, inline, formula, value = match.groups()
        column = column_index_from_string(letters)
        if not self._column < column <= MAX_COLUMNS or (style and late_style):
            return False
        self._column = column
        if formula == FORMULA:
            self._texts.append(self._positions)  # to be checked, but not kept
            self._positions += 1
        if inline is None and value is None:
            return True
        if (inline is None) == (kind == "inlineStr"):
            return False
        known = self._add_value(kind or "n", style or late_style)
        self._kept.append(self._positions)
        self._positions += 1
        return known

    def _add_value(self, kind: str, style: str | None) -> bool:
        position = self._positions
        match kind:
            case "s":
                self._shared.append(position)
                self._cells.append((self._column, Kind.TEXT, 0))
            case "inlineStr" | "str":
                self._texts.append(position)
                self._cells.append((self._column, Kind.TEXT, 0))
            case "b":
                self._booleans.append(position)
                self._cells.append((self._column, Kind.BOOLEAN, 0))
            case "n":
                return self._add_number(style)
            case _:
                return False
        return True

    def _add_number(self, style: str | None) -> bool:
        try:
            form = self._values.styles.format_of(style)
        except Damaged:
            return False
        if form.is_date:
            self._dates.append((self._positions, self._values.converter_of(form)))
            self._cells.append((self._column, Kind.DATE, 0))
        else:
            self._numbers.append(self._positions)
            self._cells.append((self._column, Kind.NUMBER, form.digits))
        return True

    def shape(self, layouts: Layouts, structure: str, *, hidden: bool) -> Shape:
        columns, kinds, digits = (
            zip(*self._cells, strict=True) if self._cells else [()] * 3
        )
        return Shape(
            structure=structure,
            layout=layouts.of(columns, kinds, digits),
            hidden=hidden,
            markup=structure.count("<"),
            kept=None if len(self._kept) == self._positions else tuple(self._kept),
            shared=tuple(self._shared),
            texts=tuple(self._texts),
            numbers=tuple(self._numbers),
            booleans=tuple(self._booleans),
            dates=tuple(self._dates),
        )

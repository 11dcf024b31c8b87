"""The rows of a sheet, read fast: by the shape that nearly all of them share.

A shape is analysed once; of all further rows only the values are looked at. This is
exact because it is timid: values are accepted only if they hold no markup and are what
their shape asks for. Every other row is left to the parser.
"""

import re
from collections.abc import Iterator

from core.importing.reading.cells import Layouts, Row
from core.importing.reading.faults import MAX_CELL_CHARACTERS
from core.importing.reading.row_shapes import (
    CUT,
    MARKS,
    ROW_NUMBER,
    Shape,
    analysed,
    marked,
    pattern_of,
)
from core.importing.reading.sheet_xml import SheetParser
from core.importing.reading.streams import FastReader
from core.importing.reading.texts import (
    Unusual,
    has_controls,
    text_of_xml,
)
from core.importing.reading.values import NUMBER, Values

ROW_TAG = "<row "
ROW_END = "</row>"
ROW_START = re.compile(r'<row r="([1-9][0-9]{0,6})"')
BOOLEANS = {"0", "1"}

# Rows that all differ must not fill the memory; analysed shapes take more than this.
MAX_SHAPE_CHARACTERS = 4 * 1024**2
# A shape that comes again and again is worth a pattern. To compile one takes as long
# as to read hundreds of rows, and none is found fast among many.
ROWS_BEFORE_PATTERN = 3
MAX_PATTERNS = 64
MAX_PATTERN_CHARACTERS = 20_000
MAX_USUAL_SHAPES = 8


class FastRows(FastReader[Row]):
    """Reads rows by their shape.

    The shapes that come most often have patterns, one match of which gives all values
    of a row. For other rows the values are cut out to find the shape.
    """

    def __init__(self, parser: SheetParser, values: Values, layouts: Layouts) -> None:
        super().__init__(parser, "sheetData")
        self._sheet = parser
        self._values = values
        self._layouts = layouts
        self._shapes: dict[str, Shape | None] = {}
        self._shape_characters = 0
        self._patterns = 0
        self._usual: list[tuple[Shape, re.Pattern[str]]] = []

    def _read(self, text: str) -> Iterator[Row]:
        if any(mark in text for mark in MARKS):
            yield from self._read_exactly(text)
            return
        for part in text.split(ROW_END)[:-1]:
            try:
                row = self._row(part)
            except Unusual:
                yield from self._unusual_row(part)
            else:
                if row is not None:
                    yield row

    def _unusual_row(self, xml: str) -> Iterator[Row]:
        """Read a row that lacks its end, perhaps with other things before it."""
        start = xml.rfind(ROW_TAG)
        if start > 0:
            # Rows without cells end themselves, and stand before this one.
            yield from self._read_exactly(xml[:start])
            yield from self._read(xml[start:] + ROW_END)
        else:
            yield from self._read_exactly(xml + ROW_END)

    def _row(self, xml: str) -> Row | None:
        """Read a row that lacks its end; give nothing if it is blank."""
        if not self.is_usable:
            raise Unusual
        for shape, pattern in self._usual:
            if match := pattern.fullmatch(xml):
                number, *values = match.groups()
                return self._row_of(shape, int(number), values, xml)
        match = ROW_START.match(xml)
        if match is None or xml.rfind(ROW_TAG) > 0:
            raise Unusual
        shape, values = self._cut(xml, match[1])
        row = self._row_of(shape, int(match[1]), values, xml)
        self._count(shape)
        return row

    def _row_of(
        self, shape: Shape, number: int, values: list[str], xml: str
    ) -> Row | None:
        """Convert the values of a row in place, and make it of them."""
        texts = self._values.texts
        try:
            for position in shape.shared:
                values[position] = texts[int(values[position])]
        except IndexError:
            raise Unusual from None
        for position, convert in shape.dates:
            date = convert(values[position])
            if date is None:
                raise Unusual
            values[position] = date
        if shape.texts:
            _convert_texts(shape, values, xml)
        self._sheet.advance_to(number)
        if shape.kept is not None:
            values = [values[position] for position in shape.kept]
        row = Row(number, shape.layout, values, shape.hidden)
        if not values or "" in values:
            return self._without_blanks(row)
        self._sheet.hidden_rows += shape.hidden
        return row

    def _cut(self, xml: str, number: str) -> tuple[Shape, list[str]]:
        """Cut out the values of a row, and give its shape and them."""
        row = marked(xml)
        pieces = row.split(CUT)
        values = pieces[1::2]
        structure = CUT.join(pieces[::2]).replace(f'{number}"', f'{ROW_NUMBER}"')
        try:
            shape = self._shapes[structure]
        except KeyError:
            shape = self._analysed(structure)
        # Markup within a value would be more of it than there is around the values.
        if shape is None or shape.markup != row.count("<"):
            raise Unusual
        if not (
            all(_is_index(values[position]) for position in shape.shared)
            and all(NUMBER.fullmatch(values[position]) for position in shape.numbers)
            and all(values[position] in BOOLEANS for position in shape.booleans)
        ):
            raise Unusual
        return shape, values

    def _count(self, shape: Shape) -> None:
        """Have a pattern look for a shape first that came a few times."""
        shape.rows += 1
        if shape.rows < ROWS_BEFORE_PATTERN:
            return
        if shape.pattern is None:
            if (
                self._patterns >= MAX_PATTERNS
                or len(shape.structure) > MAX_PATTERN_CHARACTERS
            ):
                return
            self._patterns += 1
            shape.pattern = pattern_of(shape)
        others = [usual for usual in self._usual if usual[0] is not shape]
        self._usual = [(shape, shape.pattern), *others][:MAX_USUAL_SHAPES]

    def _without_blanks(self, row: Row) -> Row | None:
        cells = [(column, cell) for column, cell in row.cells.items() if cell.text]
        if not cells:
            return None
        self._sheet.hidden_rows += row.hidden
        return self._layouts.row(row.number, cells, row.hidden)

    def _analysed(self, structure: str) -> Shape | None:
        self._shape_characters += len(structure)
        if self._shape_characters > MAX_SHAPE_CHARACTERS:
            self._shapes.clear()
            self._shape_characters = len(structure)
        shape = analysed(structure, self._values, self._layouts)
        self._shapes[structure] = shape
        return shape


def _convert_texts(shape: Shape, values: list[str], xml: str) -> None:
    is_plain = not ("&" in xml or "_x" in xml or len(xml) > MAX_CELL_CHARACTERS)
    for position in shape.texts:
        text = values[position]
        if not text.isprintable() and has_controls(text):
            raise Unusual
        if not is_plain:
            values[position] = text_of_xml(text)
        elif text.isspace():
            values[position] = ""


def _is_index(stored: str) -> bool:
    return stored.isdigit() and stored.isascii() and len(stored) < 10

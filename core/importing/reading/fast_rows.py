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
    unmarked,
)
from core.importing.reading.sheet_xml import SheetParser
from core.importing.reading.streams import FastReader
from core.importing.reading.texts import (
    Unusual,
    has_controls,
    has_escapes,
    text_of_xml,
)
from core.importing.reading.values import NUMBER, Values

ROW_END = "</row>"
ROW_START = re.compile(r'<row r="([1-9][0-9]{0,6})"')
BOOLEANS = {"0", "1"}
MAX_DIGITS = 64

# Rows that all differ must not fill the memory; analysed shapes take more than this.
MAX_SHAPE_CHARACTERS = 4 * 1024**2


class FastRows(FastReader[Row]):
    """Reads rows by their shape."""

    def __init__(self, parser: SheetParser, values: Values, layouts: Layouts) -> None:
        super().__init__(parser, "sheetData")
        self._sheet = parser
        self._values = values
        self._layouts = layouts
        self._shapes: dict[str, Shape | None] = {}
        self._shape_characters = 0
        self._has_escapes = False

    def _read(self, text: str) -> Iterator[Row]:
        if any(mark in text for mark in MARKS):
            yield from self._read_exactly(text)
            return
        self._has_escapes = has_escapes(text)
        for part in marked(text).split(ROW_END)[:-1]:
            number = self._sheet.row_number + 1
            if not part.startswith(f'<row r="{number}"'):
                # Rows without cells may stand before it, or were left out.
                start = part.rfind("<row ")
                if start > 0:
                    yield from self._read_exactly(unmarked(part[:start]))
                    part = part[start:]
                match = ROW_START.match(part)
                number = int(match[1]) if match else 0
            try:
                row = self._row(part, number)
            except Unusual:
                yield from self._read_exactly(unmarked(part) + ROW_END)
            else:
                if row is not None:
                    yield row

    def _row(self, row: str, number: int) -> Row | None:
        """Read a row that lacks its end; give nothing if it is blank."""
        if not number or not self.is_usable:
            raise Unusual
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
        self._convert(shape, values)
        if shape.texts:
            self._convert_texts(shape, values, len(row))
        self._sheet.advance_to(number)
        if shape.kept is not None:
            values = [values[position] for position in shape.kept]
        found = Row(number, shape.layout, values, shape.hidden)
        if not values or "" in values:
            return self._without_blanks(found)
        self._sheet.hidden_rows += shape.hidden
        return found

    def _convert(self, shape: Shape, values: list[str]) -> None:
        """Convert in place what is no text of its own."""
        if shape.shared:
            self._look_up(shape, values)
        if shape.numbers and not _are_digits([values[i] for i in shape.numbers]):
            for position in shape.numbers:
                if not NUMBER.fullmatch(values[position]):
                    raise Unusual
        for position, convert in shape.dates:
            date = convert(values[position])
            if date is None:
                raise Unusual
            values[position] = date
        for position in shape.booleans:
            if values[position] not in BOOLEANS:
                raise Unusual

    def _look_up(self, shape: Shape, values: list[str]) -> None:
        if not _are_digits([values[position] for position in shape.shared]):
            raise Unusual
        texts = self._values.texts
        try:
            for position in shape.shared:
                values[position] = texts[int(values[position])]
        except IndexError:
            raise Unusual from None

    def _convert_texts(self, shape: Shape, values: list[str], length: int) -> None:
        is_plain = not self._has_escapes and length <= MAX_CELL_CHARACTERS
        for position in shape.texts:
            text = values[position]
            if has_controls(text):
                raise Unusual
            if not is_plain:
                values[position] = text_of_xml(text)
            elif text.isspace():
                values[position] = ""

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


def _are_digits(values: list[str]) -> bool:
    """Tell if all are whole numbers, and short; many are checked at once."""
    digits = "".join(values)
    return (
        digits.isdigit()
        and digits.isascii()
        and "" not in values
        and (len(digits) <= MAX_DIGITS or max(map(len, values)) <= MAX_DIGITS)
    )

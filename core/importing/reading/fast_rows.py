"""The rows of a sheet, read fast: by the shape that nearly all of them share.

A shape is analysed once; of all further rows only the values are looked at. This is
exact because it is timid: values are accepted only if they hold no markup and are what
their shape asks for. Every other row is left to ``SheetParser``. That also reads what
stands before, between and behind the rows, and so it sees a well-formed document from
which some rows were taken.
"""

import re
from collections.abc import Iterator

from core.importing.reading.cells import Layouts, Row
from core.importing.reading.faults import MAX_CELL_CHARACTERS, Unreadable
from core.importing.reading.references import References
from core.importing.reading.row_shapes import MARKS, Shape, analysed, cut
from core.importing.reading.sheet_xml import SheetParser
from core.importing.reading.texts import cell_text
from core.importing.reading.values import NUMBER, Values

ROW_END = "</row>"
ROW_START = re.compile(r'<row r="([1-9][0-9]{0,6})"')
# Within a comment and the like there may be what looks like rows.
UNUSUAL_MARKUP = ("<!", "<?", *MARKS)

ENTITY = re.compile("&(amp|lt|gt|quot|apos);")
CHARACTERS = {"amp": "&", "lt": "<", "gt": ">", "quot": '"', "apos": "'"}
# What XML forbids or changes; expat knows what to do.
CONTROL = re.compile("[\x00-\x08\x0b-\x1f\ud800-\udfff\ufffe\uffff]")
BOOLEANS = {"0", "1"}

# Rows that all differ must not fill the memory; analysed shapes take more than this.
MAX_SHAPE_CHARACTERS = 4 * 1024**2


class FastRows:
    """Reads whole rows; ``is_usable`` until there is something else among them."""

    def __init__(self, exact: SheetParser, values: Values, layouts: Layouts) -> None:
        self._exact = exact
        self._values = values
        self._layouts = layouts
        self._references = References()
        self._shapes: dict[str, Shape | None] = {}
        self._shape_characters = 0
        self.is_usable = exact.is_within("sheetData")

    def rows(self, text: str) -> Iterator[Row]:
        """Read a text that ends with a row."""
        if any(mark in text for mark in UNUSUAL_MARKUP):
            self.is_usable = False
            yield from self._read_exactly(text)
            return
        if "&#" in text:
            text = self._references.decoded(text)
        for part in text.split(ROW_END)[:-1]:
            number = self._exact.row_number + 1
            if not part.startswith(f'<row r="{number}"'):
                # Rows without cells may stand before it, or were left out.
                start = part.rfind("<row ")
                if start > 0:
                    yield from self._read_exactly(part[:start])
                    part = part[start:]
                match = ROW_START.match(part)
                number = int(match[1]) if match else 0
            try:
                row = self._read(part, number)
            except Unusual:
                yield from self._read_exactly(part + ROW_END)
            else:
                if row is not None:
                    yield row

    def _read_exactly(self, text: str) -> list[Row]:
        self._exact.feed(text.encode())
        self.is_usable = self.is_usable and self._exact.is_within("sheetData")
        return self._exact.take_rows()

    def _read(self, row: str, number: int) -> Row | None:
        """Read a row that lacks its end; give nothing if it is blank."""
        if not number or not self.is_usable:
            raise Unusual
        structure, values = cut(row, number)
        shape = self._shape(structure, values, row)
        # Markup within a value would be more of it than there is around the values.
        if shape is None or shape.markup != row.count("<"):
            raise Unusual
        self._convert_all(shape, values)
        self._convert_texts(shape, values, row)
        self._exact.advance_to(number)
        if shape.kept is not None:
            values = [values[position] for position in shape.kept]
        found = Row(number, shape.layout, values, shape.hidden)
        if not values or "" in values:
            return self._without_blanks(found)
        self._exact.hidden_rows += shape.hidden
        return found

    def _convert_all(self, shape: Shape, values: list[str]) -> None:
        """Convert in place what is no text of its own."""
        texts = self._values.texts
        for position in shape.shared:
            stored = values[position]
            if not (stored.isdigit() and stored.isascii() and len(stored) < 10):
                raise Unusual
            index = int(stored)
            if index >= len(texts):
                raise Unusual
            values[position] = texts[index]
        for position in shape.numbers:
            stored = values[position]
            is_short = stored.isdigit() and stored.isascii() and len(stored) <= 64
            if not is_short and not NUMBER.fullmatch(stored):
                raise Unusual
        for position, convert in shape.dates:
            date = convert(values[position])
            if date is None:
                raise Unusual
            values[position] = date
        for position in shape.booleans:
            if values[position] not in BOOLEANS:
                raise Unusual

    def _convert_texts(self, shape: Shape, values: list[str], row: str) -> None:
        is_plain = not ("&" in row or "_x" in row or len(row) > MAX_CELL_CHARACTERS)
        for position in shape.texts:
            text = values[position]
            if not text.isprintable() and CONTROL.search(text):
                raise Unusual
            if not is_plain:
                values[position] = _decoded(text)
            elif text.isspace():
                values[position] = ""

    def _without_blanks(self, row: Row) -> Row | None:
        cells = [(column, cell) for column, cell in row.cells.items() if cell.text]
        if not cells:
            return None
        self._exact.hidden_rows += row.hidden
        return self._layouts.row(row.number, cells, row.hidden)

    def _shape(self, structure: str, values: list[str], row: str) -> Shape | None:
        try:
            return self._shapes[structure]
        except KeyError:
            markup = row.count("<") - sum(value.count("<") for value in values)
            shape = analysed(structure, markup, self._values, self._layouts)
        self._shape_characters += len(structure)
        if self._shape_characters > MAX_SHAPE_CHARACTERS:
            self._shapes.clear()
            self._shape_characters = len(structure)
        self._shapes[structure] = shape
        return shape


class Unusual(Exception):
    """A row that has to be read exactly."""


def _decoded(text: str) -> str:
    known, count = ENTITY.subn(lambda entity: CHARACTERS[entity[1]], text)
    if count != text.count("&"):
        raise Unusual
    try:
        return cell_text(known)
    except Unreadable:
        raise Unusual from None  # to be refused with the name of the cell

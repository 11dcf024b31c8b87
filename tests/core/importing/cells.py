"""Cells as the reader gives them, from Python values."""

import datetime

from core.importing.reading import Cell, Kind


def as_cell(value, digits=0):
    """Give the cell whose value a spreadsheet would show as this Python value."""
    match value:
        case Cell():
            return value
        case bool():
            return Cell(Kind.BOOLEAN, str(int(value)))
        case int() | float():
            return Cell(Kind.NUMBER, str(value), digits)
        case str():
            return Cell(Kind.TEXT, value)
        case datetime.datetime() if value.time() == datetime.time():
            return Cell(Kind.DATE, str(value.date()))
        case _:
            return Cell(Kind.DATE, str(value))

"""What a cell shows, as text."""

from functools import partial

from django.utils.translation import gettext as _

from core.importing.converting.cells import Parser, quoted_cell
from core.importing.converting.numbers import number_text
from core.importing.errors import BadCell, Reason
from core.importing.reading import Kind


def text_parser(kind: Kind, digits: int = 0) -> Parser:
    """Give the text that cells show, without white space around it."""
    match kind:
        case Kind.TEXT:
            return str.strip
        case Kind.NUMBER:
            return partial(number_text, digits=digits)
        case Kind.BOOLEAN:
            return partial(quoted_cell, Kind.BOOLEAN)
        case _:
            return _refuse


def _refuse(text: str) -> str:
    raise BadCell(
        Reason.WRONG_TYPE,
        _(
            "the date or time %(value)s; expected text (give the cell the "
            "format Text and type it again)."
        )
        % {"value": quoted_cell(Kind.DATE, text)},
    )

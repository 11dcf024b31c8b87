"""One converter per field: from a cell to the field's Python value, or ``BadCell``.

Whatever would change a value on the way (rounding, cut text, digits that a
spreadsheet has already dropped) is refused instead.
"""

import json
from collections.abc import Callable
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.utils.translation import gettext as _

from core.importing.choices import choice_converter
from core.importing.dates import to_date, to_datetime, to_duration, to_time
from core.importing.errors import BadCell, Reason, quoted, wrong_type
from core.importing.fields import AnyField
from core.importing.names import normalised
from core.importing.numbers import (
    check_precision,
    integer_converter,
    to_decimal,
    to_float,
)
from core.importing.reader import Cell, CellKind
from core.importing.texts import check_readable, to_text

Converter = Callable[[Cell], Any]

TRUE_WORDS = {"是", "yes", "true", "1"}
FALSE_WORDS = {"否", "no", "false", "0"}


def converter_for(field: AnyField, connection: BaseDatabaseWrapper) -> Converter:
    """Give the converter of a field that is no relation, its validators included."""
    convert = (
        choice_converter(field)
        if field.choices
        else unvalidated_converter(field, connection)
    )

    def convert_and_validate(cell: Cell) -> Any:
        check_readable(cell)
        value = convert(cell)
        _check_length(field, value)
        try:
            field.run_validators(value)
        except ValidationError as error:
            raise invalid(cell.value, error) from None
        return value

    return convert_and_validate


def invalid(value: object, error: ValidationError) -> BadCell:
    """Put the sentences of Django's validators behind the value found."""
    return BadCell(
        Reason.INVALID,
        _("%(value)s: %(problem)s")
        % {"value": quoted(value), "problem": " ".join(error.messages)},
    )


def unvalidated_converter(
    field: AnyField, connection: BaseDatabaseWrapper
) -> Converter:
    match field:
        case models.BooleanField():
            return _boolean
        case models.IntegerField():
            return integer_converter(field, connection)
        case models.DecimalField():
            return to_decimal
        case models.FloatField():
            return to_float
        case models.DateTimeField():
            return to_datetime
        case models.DateField():
            return to_date
        case models.TimeField():
            return to_time
        case models.DurationField():
            return to_duration
        case models.JSONField():
            return _json
        case models.CharField() | models.TextField():
            return to_text
        case _:
            return _cleaned_by(field)


def _check_length(field: AnyField, value: object) -> None:
    limit = field.max_length
    if limit is not None and isinstance(value, str) and len(value) > limit:
        raise BadCell(
            Reason.TOO_LONG,
            _("%(value)s has %(length)s characters; expected at most %(limit)s.")
            % {"value": quoted(value), "length": len(value), "limit": limit},
        )


def _boolean(cell: Cell) -> bool:
    if cell.kind is CellKind.BOOLEAN:
        return bool(cell.value)
    if cell.kind is CellKind.NUMBER and cell.value in (0, 1):
        return bool(cell.value)
    if cell.kind is CellKind.TEXT:
        word = normalised(cell.value)
        if word in TRUE_WORDS | FALSE_WORDS:
            return word in TRUE_WORDS
    raise wrong_type(cell.value, _("yes or no, true or false, 1 or 0, 是 or 否"))


def _json(cell: Cell) -> Any:
    if cell.kind in {CellKind.NUMBER, CellKind.BOOLEAN}:
        check_precision(cell)
        return cell.value
    if cell.kind is CellKind.TEXT:
        try:
            return json.loads(cell.value, parse_constant=_refuse_constant)
        except (ValueError, RecursionError):
            pass
    raise wrong_type(cell.value, _('JSON such as {"key": "value"}'))


def _refuse_constant(name: str) -> None:
    raise ValueError(name)  # NaN and Infinity, which JSON does not have


def _cleaned_by(field: AnyField) -> Converter:
    """Leave classes of fields that are not known here to the field itself."""

    def convert(cell: Cell) -> Any:
        text = to_text(cell)
        try:
            return field.clean(text, None)
        except ValidationError as error:
            raise invalid(text, error) from None

    return convert

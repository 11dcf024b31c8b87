"""One converter per field, for fields that are no relation.

Whatever would change a value on the way (rounding, cut text, digits that a
spreadsheet has already dropped) is refused instead.
"""

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models.fields import AutoFieldMixin
from django.utils.translation import gettext as _

from core.importing.converting.cells import (
    UNREADABLE,
    Converter,
    Parser,
    quoted_cell,
    refusing,
    wrong_kind,
)
from core.importing.converting.choices import choice_parser
from core.importing.converting.dates import (
    date_parser,
    datetime_parser,
    duration_parser,
    time_parser,
)
from core.importing.converting.numbers import (
    INTEGER,
    decimal_parser,
    float_parser,
    integer_parser,
    to_decimal,
)
from core.importing.converting.shortcuts import shortcut
from core.importing.converting.texts import text_parser
from core.importing.errors import BadCell, Reason, quoted
from core.importing.names import normalised
from core.importing.reading import Kind
from core.importing.targets.fields import AnyField

TRUE_WORDS = {"是", "yes", "true", "1"}
FALSE_WORDS = {"否", "no", "false", "0"}


class FieldConverter:
    """Makes the functions that read one field's cells."""

    def __init__(self, field: AnyField, connection: BaseDatabaseWrapper) -> None:
        self._field = field
        self._connection = connection

    def parser(self, kind: Kind, digits: int = 0) -> Parser:
        """Give the function from cell text to a valid Python value."""
        if kind in UNREADABLE:
            return refusing(kind)
        field = self._field
        parse = (
            choice_parser(field, kind, digits)
            if field.choices
            else unvalidated_parser(field, kind, digits, self._connection)
        )

        def parse_and_validate(text: str) -> Any:
            value = parse(text)
            check_length(field, value)
            try:
                field.run_validators(value)
            except ValidationError as error:
                raise invalid(quoted_cell(kind, text), error) from None
            return value

        return parse_and_validate

    def converter(self, kind: Kind, digits: int = 0) -> Converter:
        """Give the function from cell text to the database's text."""
        parse = self.parser(kind, digits)
        if kind in UNREADABLE:
            return parse

        def convert(text: str) -> str | None:
            return self.database_text(parse(text))

        return shortcut(self._field, kind, convert)

    def database_text(self, value: Any) -> str | None:
        return database_text(self._field, value, self._connection)


def database_text(
    field: AnyField, value: Any, connection: BaseDatabaseWrapper
) -> str | None:
    """Write a value as the database takes it in a text; None stands for NULL."""
    prepared = field.get_db_prep_save(value, connection)
    if prepared is None or isinstance(prepared, str):
        return prepared
    if isinstance(prepared, bool):
        return "1" if prepared else "0"
    return format(prepared, "f") if isinstance(prepared, Decimal) else str(prepared)


def invalid(shown_value: str, error: ValidationError) -> BadCell:
    """Put the sentences of Django's validators behind the value found."""
    return BadCell(
        Reason.INVALID,
        _("%(value)s: %(problem)s")
        % {"value": shown_value, "problem": " ".join(error.messages)},
    )


def unvalidated_parser(
    field: AnyField, kind: Kind, digits: int, connection: BaseDatabaseWrapper
) -> Parser:
    match field:
        case models.BooleanField():
            return _boolean_parser(kind)
        case models.IntegerField():
            parse = integer_parser(kind, *integer_range(field, connection))
            is_flag = getattr(field, "is_flag", False)
            return _flag_parser(kind, parse) if is_flag else parse
        case models.DecimalField():
            return decimal_parser(kind)
        case models.FloatField():
            return float_parser(kind)
        case models.DateTimeField():
            return datetime_parser(kind)
        case models.DateField():
            return date_parser(kind)
        case models.TimeField():
            return time_parser(kind)
        case models.DurationField():
            return duration_parser(kind)
        case models.JSONField():
            return _json_parser(kind)
        case models.CharField() | models.TextField():
            return text_parser(kind, digits)
        case _:
            return _cleaning_parser(field, kind, digits)


def integer_range(
    field: AnyField, connection: BaseDatabaseWrapper
) -> tuple[int | None, int | None]:
    if column_range := getattr(field, "column_range", None):
        return column_range  # type: ignore[no-any-return]
    lowest, highest = connection.ops.integer_field_range(field.get_internal_type())
    # To MySQL, 0 in such a column means "give me the next number".
    return 1 if isinstance(field, AutoFieldMixin) else lowest, highest


def check_length(field: AnyField, value: object) -> None:
    limit = field.max_length
    if limit is not None and isinstance(value, str) and len(value) > limit:
        raise BadCell(
            Reason.TOO_LONG,
            _("%(value)s has %(length)s characters; expected at most %(limit)s.")
            % {"value": quoted(value), "length": len(value), "limit": limit},
        )


def _boolean_parser(kind: Kind) -> Parser:
    def parse(text: str) -> bool:
        if kind is Kind.BOOLEAN:
            return text == "1"
        if kind is Kind.NUMBER and to_decimal(text) in (0, 1):
            return to_decimal(text) == 1
        word = normalised(text)
        if kind is Kind.TEXT and word in TRUE_WORDS | FALSE_WORDS:
            return word in TRUE_WORDS
        raise wrong_kind(kind, text, _("yes or no, true or false, 1 or 0, 是 or 否"))

    return parse


def _flag_parser(kind: Kind, parse_number: Parser) -> Parser:
    """Read TINYINT(1): yes or no to people, and to older systems any small number."""
    parse_word = _boolean_parser(kind)

    def parse(text: str) -> int:
        is_digits = kind is Kind.TEXT and INTEGER.fullmatch(text.strip())
        is_number = kind is Kind.NUMBER or is_digits
        return int(parse_number(text) if is_number else parse_word(text))

    return parse


def _json_parser(kind: Kind) -> Parser:
    def parse(text: str) -> Any:
        match kind:
            case Kind.BOOLEAN:
                return text == "1"
            case Kind.NUMBER:
                number = to_decimal(text)
                whole = number == number.to_integral_value()
                return int(number) if whole else float(number)
            case Kind.TEXT:
                return _loaded(text)
        raise wrong_kind(kind, text, _('JSON such as {"key": "value"}'))

    def _loaded(text: str) -> Any:
        try:
            return json.loads(text, parse_constant=_refuse_constant)
        except (ValueError, RecursionError):
            wrong = wrong_kind(kind, text, _('JSON such as {"key": "value"}'))
            raise wrong from None

    return parse


def _refuse_constant(name: str) -> None:
    raise ValueError(name)  # NaN and Infinity, which JSON does not have


def _cleaning_parser(field: AnyField, kind: Kind, digits: int) -> Callable[[str], Any]:
    """Leave classes of fields that are not known here to the field itself."""
    to_text = text_parser(kind, digits)

    def parse(text: str) -> Any:
        cleaned = to_text(text)
        try:
            return field.clean(cleaned, None)
        except ValidationError as error:
            raise invalid(quoted(cleaned), error) from None

    return parse

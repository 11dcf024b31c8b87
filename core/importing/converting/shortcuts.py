"""Short cuts for the usual cells: from text to text, without a Python value.

A short cut gives exactly what the long way gives, and takes it for every cell that
it does not recognise at first sight: it refuses nothing itself.
"""

import datetime
import re
from collections.abc import Callable
from functools import partial
from typing import Any, TypeAlias

from django.conf import settings
from django.core.validators import (
    DecimalValidator,
    MaxLengthValidator,
    MaxValueValidator,
    MinValueValidator,
    RegexValidator,
)
from django.db import models
from django.utils import timezone

from core.importing.converting.cells import Converter
from core.importing.reading import Kind
from core.importing.targets.fields import AnyField

# Nine digits and fewer fit into every integer of 32 bits.
MOST_DIGITS = 9
# Shorter numbers are exact as floating point, and have no digits made up.
EXACT_DIGITS = 15

Search: TypeAlias = Callable[[str], object]


def shortcut(field: AnyField, kind: Kind, convert: Converter) -> Converter:
    """Put a short cut before ``convert``, the long way, if there is one."""
    if type(field) in PLAIN_TEXTS and kind is Kind.TEXT and not field.choices:
        patterns = _patterns(field)
        return convert if patterns is None else _text(field, patterns, convert)
    if field.choices or kind is Kind.TEXT:
        return convert
    if kind is Kind.NUMBER and _takes_all_short_numbers(field):
        return partial(_integer, convert)
    if _own_validators(field):
        return convert
    match field, kind:
        case models.BooleanField(), Kind.BOOLEAN:
            return str
        case models.DecimalField(), Kind.NUMBER:
            return _decimal(field, convert)
        case models.DateTimeField(), Kind.DATE:
            return _datetime(convert)
        case models.DateField(), Kind.DATE:
            return partial(_date, convert)
    return convert


PLAIN_TEXTS = {models.CharField, models.TextField, models.SlugField}


def _takes_all_short_numbers(field: AnyField) -> bool:
    if not isinstance(field, models.IntegerField):
        return False
    lowest, highest = getattr(field, "column_range", (0, 10**MOST_DIGITS))
    for validator in field.validators:
        if isinstance(validator, MinValueValidator):
            lowest = max(lowest, int(validator.limit_value))
        elif isinstance(validator, MaxValueValidator):
            highest = min(highest, int(validator.limit_value))
        else:
            return False
    return lowest <= 1 and highest >= 10**MOST_DIGITS - 1


def _own_validators(field: AnyField) -> list[object]:
    """List the validators besides the one that every decimal field has."""
    return [each for each in field.validators if type(each) is not DecimalValidator]


def _patterns(field: AnyField) -> list[Search] | None:
    """Give what its texts must match; None if that is not all there is to check."""
    patterns: list[Search] = []
    for validator in field.validators:
        if isinstance(validator, RegexValidator) and not validator.inverse_match:
            patterns.append(re.compile(validator.regex).search)
        elif not isinstance(validator, MaxLengthValidator):
            return None
    return patterns


def _text(field: AnyField, patterns: list[Search], convert: Converter) -> Converter:
    limit = field.max_length or 2**31
    if len(patterns) > 1:
        return convert
    # Of a field without pattern, every text is fine.
    search = patterns[0] if patterns else bool

    def convert_text(text: str) -> str | None:
        stripped = text.strip()
        is_fine = len(stripped) <= limit and search(stripped)
        return stripped if is_fine else convert(text)

    return convert_text


def _integer(convert: Converter, text: str) -> str | None:
    is_plain = len(text) <= MOST_DIGITS and text.isdecimal() and text.isascii()
    return text if is_plain and text[0] != "0" else convert(text)


def _decimal(field: "models.DecimalField[Any, Any]", convert: Converter) -> Converter:
    places = field.decimal_places or 0
    whole = min(field.max_digits or 0, EXACT_DIGITS) - places
    if whole < 1 or places < 1:
        return convert
    # No zeros at either end, as the long way gives it.
    usual = re.compile(
        rf"(0|[1-9][0-9]{{0,{whole - 1}}})(\.[0-9]{{0,{places - 1}}}[1-9])?"
    ).fullmatch

    def convert_decimal(text: str) -> str | None:
        return text if usual(text) else convert(text)

    return convert_decimal


def _date(convert: Converter, text: str) -> str | None:
    # Not an elapsed time, such as 1234:00:00.
    return text if len(text) == 10 and text[4] == "-" else convert(text)


def _datetime(convert: Converter) -> Converter:
    if not settings.USE_TZ:
        return convert
    offsets: dict[str, datetime.timedelta | None] = {}

    def convert_datetime(text: str) -> str | None:
        day = text[:10]
        if day not in offsets:
            offsets[day] = _offset_of_day(day)
        offset = offsets[day]
        if offset is None:
            return convert(text)
        return (datetime.datetime.fromisoformat(text) - offset).isoformat(" ")

    return convert_datetime


def _offset_of_day(text: str) -> datetime.timedelta | None:
    """Give the offset from UTC that a whole local day has, or None."""
    try:
        day = datetime.datetime.fromisoformat(text)
        hours = [day + datetime.timedelta(hours=hour) for hour in range(-24, 49)]
    except (ValueError, OverflowError):
        return None
    zone = timezone.get_default_timezone()
    offsets = {hour.replace(tzinfo=zone).utcoffset() for hour in hours}
    return offsets.pop() if len(offsets) == 1 else None

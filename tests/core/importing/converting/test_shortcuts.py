"""A short cut gives what the long way gives, or leaves the cell to it."""

import datetime
from unittest import mock

import pytest
from django.core.validators import MaxValueValidator, MinLengthValidator
from django.db import connection, models
from hypothesis import given
from hypothesis import strategies as st

from core.importing.converting import fields
from core.importing.converting.fields import FieldConverter
from core.importing.errors import BadCell
from core.importing.reading import Kind

FIELDS = [
    models.CharField(max_length=9),
    models.TextField(),
    models.SlugField(max_length=9),
    models.SlugField(max_length=9, allow_unicode=True),
    models.CharField(max_length=9, validators=[MinLengthValidator(3)]),
    models.CharField(max_length=9, choices=[("a", "A")]),
    models.EmailField(),
    models.IntegerField(),
    models.BigIntegerField(),
    models.SmallIntegerField(),
    models.PositiveIntegerField(validators=[MaxValueValidator(500)]),
    models.PositiveSmallIntegerField(),
    models.BigAutoField(primary_key=True),
    models.DecimalField(max_digits=5, decimal_places=2),
    models.DecimalField(max_digits=30, decimal_places=10),
    models.FloatField(),
    models.BooleanField(),
    models.DateField(),
    models.DateTimeField(),
    models.TimeField(),
    models.DurationField(),
]
texts = st.one_of(
    st.text(max_size=12).filter(str.strip),
    st.sampled_from(["a", " a ", "slug-1", "no slug!", "标题", "007", "1", "12.50"]),
)
numbers = st.one_of(
    st.integers().map(str),
    st.integers(-1000, 70_000).map(str),
    st.decimals(allow_nan=False, allow_infinity=False, places=3).map(str),
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.sampled_from(["0", "00", "1.0", "1.50", "0.30000000000000004", "1E3", "-0"]),
)
moments = st.datetimes(
    datetime.datetime.fromisoformat("1900-03-01"),
    datetime.datetime.fromisoformat("9999-12-31"),
).map(lambda moment: str(moment.replace(microsecond=moment.microsecond // 1000 * 1000)))
dates = st.one_of(
    moments,
    moments.map(lambda text: text[:10]),
    st.times().map(lambda time: str(time.replace(microsecond=0))),
    st.sampled_from(["1234:00:00", "-25:00:00", "2024-03-31 02:30:00", "0:00:00"]),
)
CELLS = {
    Kind.TEXT: texts,
    Kind.NUMBER: numbers,
    Kind.DATE: dates,
    Kind.BOOLEAN: st.sampled_from("01"),
}


def outcome(convert, text):
    try:
        return convert(text)
    except BadCell as bad:
        return bad.reason, bad.message


@pytest.mark.parametrize("zone", ["Asia/Shanghai", "Europe/Berlin"])
@pytest.mark.parametrize("kind", CELLS)
@pytest.mark.parametrize("field", FIELDS, ids=lambda field: type(field).__name__)
def test_short_cut_and_long_way_agree(field, kind, zone, settings):
    settings.TIME_ZONE = zone
    field.set_attributes_from_name("field")
    converter = FieldConverter(field, connection)
    short = converter.converter(kind)
    with mock.patch.object(fields, "shortcut", lambda *args: args[-1]):
        long = converter.converter(kind)

    @given(CELLS[kind])
    def agree(text):
        assert outcome(short, text) == outcome(long, text)

    agree()


@pytest.mark.parametrize(
    ("field", "kind", "text"),
    [
        (models.CharField(max_length=9), Kind.TEXT, "title"),
        (models.SlugField(), Kind.TEXT, "slug-1"),
        (models.IntegerField(), Kind.NUMBER, "21844"),
        (models.DateField(), Kind.DATE, "2024-01-31"),
        (models.DateTimeField(), Kind.DATE, "2024-01-31 09:30:00"),
        (models.BooleanField(), Kind.BOOLEAN, "1"),
    ],
)
def test_usual_cells_take_the_short_cut(field, kind, text):
    def long_way(text):
        raise AssertionError(f"{text} took the long way")

    field.set_attributes_from_name("field")
    convert = fields.shortcut(field, kind, long_way)

    assert convert(text)

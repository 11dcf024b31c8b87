"""Cells to values: what is accepted, and the sentence for what is not."""

import datetime
import uuid
from decimal import Decimal

import pytest
from django.core.validators import MinLengthValidator
from django.db import connection, models
from django.utils.translation import gettext_lazy as _

from core.importing.converting.fields import FieldConverter
from core.importing.errors import BadCell
from core.importing.reading import Cell, Kind
from core.importing.rows.blanks import DEFAULT, blank_value
from tests.core.importing.cells import as_cell

WEEK = [(1, _("Monday")), (2, _("Tuesday"))]
COLOURS = [("ink", "Ink"), ("teal", "Teal"), ("plum", "Plum")]


def converted(field, found):
    field.set_attributes_from_name("field")
    cell = as_cell(found)
    return FieldConverter(field, connection).parser(cell.kind, cell.digits)(cell.text)


def refusal(field, found):
    with pytest.raises(BadCell) as bad:
        converted(field, found)
    return bad.value.reason.value, bad.value.message


TEXT = models.CharField(max_length=20)


@pytest.mark.parametrize(
    ("found", "text"),
    [
        ("text", "text"),
        (" text\n", "text"),
        (21844, "21844"),
        (21844.0, "21844"),
        (0.1 + 0.2, "0.3"),
        (-1.50, "-1.5"),
        (0.00001, "0.00001"),
        (as_cell(7, digits=6), "000007"),
        (123456789012345678, "123456789012345678"),
        (True, "TRUE"),
        ("#N/A", "#N/A"),
        ("=1+1", "=1+1"),
    ],
)
def test_text(found, text):
    assert converted(TEXT, found) == text


def test_long_number_in_a_text_column():
    assert refusal(TEXT, 110101199003071234.0) == (
        "precision_lost",
        "precision lost: 1.1010119900307123e+17 has more than the 15 digits that a "
        "number cell keeps; give the cell the format Text and type it again.",
    )


def test_date_in_a_text_column():
    assert refusal(TEXT, datetime.date(2024, 1, 2)) == (
        "wrong_type",
        "the date or time 2024-01-02; expected text (give the cell the format Text "
        "and type it again).",
    )


def test_text_that_is_too_long():
    assert refusal(TEXT, "x" * 21) == (
        "too_long",
        '"xxxxxxxxxxxxxxxxxxxxx" has 21 characters; expected at most 20.',
    )


def test_length_is_counted_in_characters_of_any_script():
    assert converted(TEXT, "字" * 20) == "字" * 20


@pytest.mark.parametrize("field", [TEXT, models.IntegerField(), models.DateField()])
def test_error_values(field):
    assert refusal(field, Cell(Kind.ERROR, "#DIV/0!")) == (
        "cell_error",
        "the error value #DIV/0!; expected a value.",
    )


@pytest.mark.parametrize("field", [TEXT, models.BooleanField()])
def test_formula_without_value(field):
    assert refusal(field, Cell(Kind.FORMULA_WITHOUT_VALUE, "=A1")) == (
        "formula_without_value",
        "the formula has no stored result; open the workbook in a spreadsheet "
        "program and save it, or replace the formula by its value.",
    )


@pytest.mark.parametrize(
    ("field", "found", "sentence"),
    [
        (
            models.SlugField(),
            "no slug!",
            '"no slug!": Enter a valid “slug” consisting of letters, numbers, '
            "underscores or hyphens.",
        ),
        (models.EmailField(), "mei", '"mei": Enter a valid email address.'),
        (models.URLField(), "mei", '"mei": Enter a valid URL.'),
        (
            models.CharField(max_length=9, validators=[MinLengthValidator(3)]),
            "ab",
            '"ab": Ensure this value has at least 3 characters (it has 2).',
        ),
        (
            models.GenericIPAddressField(),
            "1.2.3",
            '"1.2.3": Enter a valid IPv4 or IPv6 address.',
        ),
        (models.UUIDField(), "1-2", '"1-2": “1-2” is not a valid UUID.'),
    ],
)
def test_validators_of_the_field(field, found, sentence):
    assert refusal(field, found) == ("invalid", sentence)


@pytest.mark.parametrize("found", [True, 1, 1.0, "是", "yes", "TRUE", "1", " Yes "])
def test_true(found):
    assert converted(models.BooleanField(), found) is True


@pytest.mark.parametrize("found", [False, 0, 0.0, "否", "no", "FALSE", "0", "ｎｏ"])
def test_false(found):
    assert converted(models.BooleanField(), found) is False


@pytest.mark.parametrize(
    ("found", "shown"), [(2, "2"), ("maybe", '"maybe"'), (0.5, "0.5")]
)
def test_neither_true_nor_false(found, shown):
    assert refusal(models.BooleanField(), found) == (
        "wrong_type",
        f"{shown}; expected yes or no, true or false, 1 or 0, 是 or 否.",
    )


@pytest.mark.parametrize(
    ("found", "number"),
    [(7, 7), (7.0, 7), ("7", 7), (" -7 ", -7), ("１２", 12), ("007", 7)],
)
def test_whole_numbers(found, number):
    converted_number = converted(models.IntegerField(), found)

    assert converted_number == number and type(converted_number) is int


@pytest.mark.parametrize(
    ("found", "shown"),
    [
        (7.5, "7.5"),
        ("7.0", '"7.0"'),
        ("1,000", '"1,000"'),
        ("seven", '"seven"'),
        (True, "TRUE"),
        (datetime.date(2024, 1, 2), "2024-01-02"),
        ("9" * 5_000, '"' + "9" * 79 + '…"'),
    ],
)
def test_no_whole_numbers(found, shown):
    assert refusal(models.IntegerField(), found) == (
        "wrong_type",
        f"{shown}; expected a whole number.",
    )


@pytest.mark.parametrize("field", [models.BigIntegerField(), models.DecimalField()])
@pytest.mark.parametrize("found", [1e15, -1e20])
def test_numbers_that_lost_digits(field, found):
    assert refusal(field, found)[0] == "precision_lost"


@pytest.mark.parametrize(
    ("field", "found"),
    [
        (models.PositiveIntegerField(), -1),
        (models.PositiveSmallIntegerField(), "-1"),
        (models.BigIntegerField(), 2**63),
        (models.IntegerField(), "9" * 30),
    ],
)
def test_whole_numbers_out_of_range(field, found):
    reason, message = refusal(field, found)

    assert reason == "out_of_range"
    assert message.startswith(f"{int(found)}; expected a number from ")


@pytest.mark.parametrize(
    ("found", "number"),
    [
        (12.5, "12.5"),
        (0.1 + 0.2, "0.3"),
        (3, "3"),
        ("12.50", "12.50"),
        ("1.500", "1.5"),
        (".5", "0.5"),
        ("-0.05", "-0.05"),
    ],
)
def test_decimals(found, number):
    field = models.DecimalField(max_digits=5, decimal_places=2)

    assert converted(field, found) == Decimal(number)


@pytest.mark.parametrize(
    ("found", "sentence"),
    [
        (1.239, "1.239: Ensure that there are no more than 2 decimal places."),
        ("1.239", '"1.239": Ensure that there are no more than 2 decimal places.'),
        (12345.6, "12345.6: Ensure that there are no more than 5 digits in total."),
    ],
)
def test_decimals_are_never_rounded(found, sentence):
    field = models.DecimalField(max_digits=5, decimal_places=2)

    assert refusal(field, found) == ("invalid", sentence)


@pytest.mark.parametrize("found", ["NaN", "Infinity", "1e5", "12%", "￥5", True])
def test_no_decimals(found):
    field = models.DecimalField(max_digits=5, decimal_places=2)

    assert refusal(field, found)[0] == "wrong_type"


@pytest.mark.parametrize(("found", "number"), [(1, 1.0), ("0.5", 0.5), (1e300, 1e300)])
def test_floats(found, number):
    assert converted(models.FloatField(), found) == number


@pytest.mark.parametrize("found", ["nan", "1e5", 10**400, False])
def test_no_floats(found):
    assert refusal(models.FloatField(), found)[0] == "wrong_type"


@pytest.mark.parametrize(
    ("found", "value"),
    [
        ('{"a": [1, null]}', {"a": [1, None]}),
        ('"text"', "text"),
        (7, 7),
        (True, True),
    ],
)
def test_json(found, value):
    assert converted(models.JSONField(), found) == value


@pytest.mark.parametrize("found", ["{", "text", "NaN", "[" * 100_000])
def test_no_json(found):
    reason, message = refusal(models.JSONField(), found)

    assert reason == "wrong_type"
    assert message.endswith('; expected JSON such as {"key": "value"}.')


def test_fields_of_other_classes_clean_the_text_themselves():
    number = uuid.uuid4()

    assert converted(models.UUIDField(), str(number)) == number


@pytest.mark.parametrize("found", ["teal", "Teal", " TEAL ", "ｔｅａｌ"])
def test_choices_by_value_or_label(found):
    field = models.CharField(max_length=9, choices=COLOURS)

    assert converted(field, found) == "teal"


@pytest.mark.parametrize("found", [2, 2.0, "2", "Tuesday", "tuesday"])
def test_choices_that_are_numbers(found):
    assert converted(models.IntegerField(choices=WEEK), found) == 2


def test_choice_in_groups():
    field = models.CharField(max_length=9, choices=[("Dark", COLOURS), ("", "----")])

    assert converted(field, "Ink") == "ink"


def test_unknown_choice_gets_a_suggestion():
    field = models.CharField(max_length=9, choices=COLOURS)

    assert refusal(field, "tael") == (
        "unknown_choice",
        'unknown "tael"; did you mean "Teal"?',
    )


def test_unknown_choice_without_resemblance_lists_the_choices():
    field = models.CharField(max_length=9, choices=COLOURS)

    assert refusal(field, "xyz") == (
        "unknown_choice",
        'unknown "xyz"; expected one of: Ink, Teal, Plum.',
    )


def test_value_wins_over_the_label_of_another_choice():
    field = models.CharField(max_length=9, choices=[("a", "b"), ("b", "c")])

    assert converted(field, "b") == "b"


def test_label_of_two_choices_means_neither():
    field = models.CharField(max_length=9, choices=[("a", "same"), ("b", "same")])

    assert refusal(field, "same")[0] == "unknown_choice"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        (models.CharField(max_length=9, null=True, blank=True), None),
        (models.CharField(max_length=9, blank=True), ""),
        (models.CharField(max_length=9, blank=True, default="x"), ""),
        (models.CharField(max_length=9, choices=COLOURS, blank=True), ""),
        (models.TextField(blank=True), ""),
        (models.IntegerField(null=True, default=7), None),
        (models.IntegerField(default=7), DEFAULT),
        (models.BooleanField(default=True), DEFAULT),
        (models.CharField(max_length=9, choices=COLOURS, default="ink"), DEFAULT),
        (models.BigAutoField(primary_key=True), DEFAULT),
    ],
)
def test_blank_cells(field, value):
    assert blank_value(field) is value


@pytest.mark.parametrize(
    "field",
    [
        models.CharField(max_length=9),
        models.IntegerField(),
        models.IntegerField(blank=True),
        models.DateField(),
    ],
)
def test_blank_cell_where_a_value_is_required(field):
    with pytest.raises(BadCell, match=r"^blank; expected a value\.$"):
        blank_value(field)

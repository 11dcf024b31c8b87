"""Dates and times: cells and text, in the time zone of the site."""

import datetime

import pytest
from django.utils import timezone

from core.importing.converting.dates import (
    date_parser,
    datetime_parser,
    duration_parser,
    time_parser,
)
from core.importing.errors import BadCell
from tests.core.importing.cells import as_cell

DAY = datetime.date(2024, 1, 31)
MORNING = datetime.datetime.fromisoformat("2024-01-31T09:30")


@pytest.fixture(autouse=True)
def shanghai(settings):
    settings.TIME_ZONE = "Asia/Shanghai"


def parsed(parser, value):
    cell = as_cell(value)
    return parser(cell.kind)(cell.text)


def refusal(parser, value):
    with pytest.raises(BadCell) as bad:
        parsed(parser, value)
    return bad.value.reason.value, bad.value.message


@pytest.mark.parametrize(
    "value",
    [
        DAY,
        datetime.datetime.combine(DAY, datetime.time()),
        "2024-01-31",
        "2024-1-31",
        "2024/1/31",
        "2024/01/31",
        "2024年1月31日",
        "２０２４年１月３１日",
        " 2024-01-31 ",
        "2024-01-31 00:00",
    ],
)
def test_dates(value):
    assert parsed(date_parser, value) == DAY


@pytest.mark.parametrize(
    "value",
    [
        MORNING,
        "2024-01-31 09:30",
        "2024-01-31T09:30",
        "2024-01-31 09:30:00.000",
        "2024/1/31 9:30",
        "2024年1月31日 9:30",
        "2024年1月31日9:30",
        "2024-01-31T01:30Z",
        "2024-01-31 01:30:00+00:00",
        "2024-01-31T02:30+0100",
        "2024-01-30 20:30-05:00",
    ],
)
def test_times_are_local_unless_they_say_otherwise(value):
    with timezone.override("America/New_York"):  # that of a visitor, at most
        moment = parsed(datetime_parser, value)

    assert moment.astimezone(datetime.UTC).isoformat() == "2024-01-31T01:30:00+00:00"


def test_seconds_and_their_fractions_are_kept():
    moment = parsed(datetime_parser, "2024-01-31 09:30:15.25")

    assert moment.isoformat() == "2024-01-31T09:30:15.250000+08:00"


@pytest.mark.parametrize("value", [DAY, "2024-01-31", "2024年1月31日"])
def test_date_alone_means_midnight(value):
    assert parsed(datetime_parser, value).isoformat() == "2024-01-31T00:00:00+08:00"


def test_without_time_zones_times_stay_naive(settings):
    settings.USE_TZ = False

    assert parsed(datetime_parser, "2024-01-31 09:30") == MORNING
    assert refusal(datetime_parser, "2024-01-31T09:30Z") == (
        "wrong_type",
        '"2024-01-31T09:30Z"; expected a date and time without a zone.',
    )


@pytest.mark.parametrize(
    "value", ["03/04/2024", "3/4/24", "03-04-2024", "3.4.2024", "03/04/2024 09:30"]
)
def test_ambiguous_dates(value):
    assert refusal(date_parser, value) == (
        "ambiguous_date",
        f'"{value}" can be read in more than one way; '
        "expected a date such as 2024-01-31.",
    )


@pytest.mark.parametrize(
    "value",
    [
        "tomorrow",
        "2024-02-30",
        "2024-13-01",
        "2024-1/31",
        "2024-01-31 25:00",
        "2024-01-3109:30",
        "0000-01-01",
        "2024",
        True,
        datetime.time(9, 30),
    ],
)
def test_no_dates(value):
    reason, message = refusal(date_parser, value)

    assert reason == "wrong_type"
    assert message.endswith("; expected a date such as 2024-01-31.")


def test_plain_number_is_no_date():
    assert refusal(date_parser, 45322) == (
        "wrong_type",
        "45322 is a plain number; expected a date such as 2024-01-31 or a date cell.",
    )


@pytest.mark.parametrize("value", [MORNING, "2024-01-31T09:30"])
def test_date_with_a_time_is_not_cut(value):
    reason, message = refusal(date_parser, value)

    assert message.endswith("; expected a date without a time.")


@pytest.mark.parametrize(
    ("zone", "value"),
    [
        ("Europe/Berlin", "2024-03-31 02:30"),  # skipped
        ("Europe/Berlin", "2024-10-27 02:30"),  # comes twice
        ("Asia/Shanghai", "1986-05-04 02:30"),  # skipped
    ],
)
def test_times_that_do_not_exist_exactly_once(settings, zone, value):
    settings.TIME_ZONE = zone

    assert refusal(datetime_parser, value) == (
        "invalid_time",
        f'"{value}" does not exist exactly once in the time zone {zone}; '
        "expected a time with its offset, such as 2024-01-31T09:30+08:00.",
    )


@pytest.mark.parametrize("value", ["0001-01-01", "9999-12-31T23:59-12:00"])
def test_times_beyond_the_calendar(value):
    assert refusal(datetime_parser, value)[0] == "wrong_type"


@pytest.mark.parametrize("value", [datetime.time(9, 30), "9:30", "09:30:00"])
def test_times_of_day(value):
    assert parsed(time_parser, value) == datetime.time(9, 30)


@pytest.mark.parametrize("value", ["25:00", "noon", MORNING, 9])
def test_no_times_of_day(value):
    reason, message = refusal(time_parser, value)

    assert message.endswith("; expected a time of day such as 09:30.")


@pytest.mark.parametrize(
    "value",
    [datetime.timedelta(minutes=90), datetime.time(1, 30), "1:30:00", "01:30:00"],
)
def test_durations(value):
    assert parsed(duration_parser, value) == datetime.timedelta(minutes=90)


@pytest.mark.parametrize("value", ["long", MORNING, 90, "9999999999999 00:00:00"])
def test_no_durations(value):
    reason, message = refusal(duration_parser, value)

    assert message.endswith("; expected a duration such as 1:30:00.")

"""Numbers of days as dates and times."""

import pytest

from core.importing.reading.serials import Serials, elapsed, iso_moment


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        ("0", "00:00:00"),
        ("0.5", "12:00:00"),
        ("0.3958333333333333", "09:30:00"),
        ("0.00000116", "00:00:00.100"),
        ("1", "1900-01-01"),
        ("59", "1900-02-28"),
        ("59.5", "1900-02-28 12:00:00"),
        ("61", "1900-03-01"),
        ("45322", "2024-01-31"),
        ("45322.0", "2024-01-31"),
        ("4.5322E4", "2024-01-31"),
        ("45322.39583333334", "2024-01-31 09:30:00"),
        ("45322.395836226852", "2024-01-31 09:30:00.250"),
        ("45322.999999999", "2024-02-01"),
        ("2958465", "9999-12-31"),
        ("2958465.9999", "9999-12-31 23:59:51.360"),
    ],
)
def test_days_from_1900(number, expected):
    assert Serials(from_1904=False).moment(number) == expected


@pytest.mark.parametrize(
    "number", ["60", "60.5", "-1", "-0.5", "2958465.999999999", "2958466", "1e300"]
)
def test_days_that_are_none(number):
    assert Serials(from_1904=False).moment(number) is None


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        ("0.5", "12:00:00"),
        ("1", "1904-01-02"),
        ("60", "1904-03-01"),
        ("43860.25", "2024-01-31 06:00:00"),
        ("2957003", "9999-12-31"),
        ("2957004", None),
    ],
)
def test_days_from_1904(number, expected):
    assert Serials(from_1904=True).moment(number) == expected


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        ("0", "00:00:00"),
        ("1.5", "36:00:00"),
        ("-0.25", "-06:00:00"),
        ("-0.0000000001", "00:00:00"),
        ("100.00000116", "2400:00:00.100"),
        ("1e300", None),
    ],
)
def test_elapsed_time(number, expected):
    assert elapsed(number) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2024-01-31", "2024-01-31"),
        ("2024-01-31T00:00:00", "2024-01-31"),
        ("2024-01-31T09:30:00Z", "2024-01-31 09:30:00"),
        ("2024-01-31T09:30:00.25", "2024-01-31 09:30:00.250"),
        ("2024-01-31T09:30", "2024-01-31 09:30:00"),
        ("09:30:00", "09:30:00"),
        ("T09:30:00.5", "09:30:00.500"),
        ("PT36H30M1.5S", "36:30:01.500"),
        ("2024-02-30", None),
        ("2024-01-31T25:00:00", None),
        ("31.01.2024", None),
        ("", None),
        ("T", None),
    ],
)
def test_iso_dates(text, expected):
    assert iso_moment(text) == expected

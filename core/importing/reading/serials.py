"""Dates, which a workbook stores as numbers of days, as text.

    2024-01-31                      a whole day
    2024-01-31 09:30:00[.250]       with a time of day
    09:30:00[.250]                  less than one day: a time of day
    [-]36:00:00[.250]               elapsed time, whose hours may exceed 23

The value decides between the first three and not what its format shows of it. As in
openpyxl times are rounded to milliseconds, the precision that Excel has.
"""

import re
from datetime import date, datetime, time, timedelta
from functools import lru_cache

SECONDS_PER_DAY = 24 * 60 * 60
MS_PER_DAY = SECONDS_PER_DAY * 1_000
# Day 1 is 1 January 1900, but Excel believes in a 29 February 1900, which is day 60.
EPOCH_1900 = date(1899, 12, 30).toordinal()
EPOCH_1904 = date(1904, 1, 1).toordinal()
FALSE_LEAP_DAY = 60
LAST_DAY = date.max.toordinal()
# Looked up, because many dates of a column have a time of day, and all another.
TWO_DIGITS = [f"{number:02}" for number in range(60)]
CLOCK = [f"{hour:02}:{minute:02}:" for hour in range(24) for minute in range(60)]

ISO_MOMENT = re.compile(
    r"(?P<date>\d{4}-\d\d-\d\d)?T?(?P<time>\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?)?Z?"
)
ISO_DURATION = re.compile(
    r"PT(?:(?P<h>\d{1,6})H)?(?:(?P<m>\d{1,9})M)?(?:(?P<s>\d{1,9}(?:\.\d{1,9})?)S)?"
)


class Serials:
    """Converts for one workbook, which counts its days from 1900 or from 1904."""

    def __init__(self, *, from_1904: bool) -> None:
        self._epoch = EPOCH_1904 if from_1904 else EPOCH_1900
        self._has_false_leap_day = not from_1904

    def moment(self, number: str) -> str | None:
        """Give date and time; nothing if the number is that of no date."""
        value = float(number)
        if not 0 <= value < LAST_DAY:
            return None
        day = int(value)
        # In the steps that openpyxl takes: the last bit decides about half of one.
        ms = round((value - day) * SECONDS_PER_DAY * 1_000)
        if day == 0 and ms < MS_PER_DAY:
            return _clock(ms)
        if day <= FALSE_LEAP_DAY and self._has_false_leap_day:
            if day == FALSE_LEAP_DAY:
                return None
            day += 1
        if ms == MS_PER_DAY:
            day, ms = day + 1, 0
        day_text = _iso_date(self._epoch + day)
        return f"{day_text} {_clock(ms)}" if ms and day_text else day_text


def elapsed(number: str) -> str | None:
    """Give the time that a number of days lasts."""
    value = float(number)
    if not abs(value) < LAST_DAY:
        return None
    span = timedelta(days=value)
    whole_seconds = span.days * SECONDS_PER_DAY + span.seconds
    ms = whole_seconds * 1_000 + round(span.microseconds, -3) // 1_000
    return "-" + _clock(-ms) if ms < 0 else _clock(ms)


def iso_moment(text: str) -> str | None:
    """Give a date that is stored in the forms of ISO 8601, as few programs do."""
    if match := ISO_DURATION.fullmatch(text):
        return _iso_duration(match)
    match = ISO_MOMENT.fullmatch(text)
    if match is None or not any(match.groups()):
        return None
    try:
        clock = time.fromisoformat(match["time"] or "00:00")
        if match["date"] is None:
            return clock.isoformat(timespec=_timespec(clock))
        day = date.fromisoformat(match["date"])
    except ValueError:
        return None
    if clock == time.min:
        return day.isoformat()
    moment = datetime.combine(day, clock)
    return moment.isoformat(sep=" ", timespec=_timespec(clock))


def _iso_duration(match: re.Match[str]) -> str:
    seconds = float(match["s"] or 0)
    minutes = int(match["h"] or 0) * 60 + int(match["m"] or 0)
    return _clock(minutes * 60_000 + round(seconds * 1_000))


def _timespec(clock: time) -> str:
    return "milliseconds" if clock.microsecond else "seconds"


@lru_cache(maxsize=4_096)
def _iso_date(ordinal: int) -> str | None:
    return date.fromordinal(ordinal).isoformat() if ordinal <= LAST_DAY else None


def _clock(ms: int) -> str:
    seconds, ms = divmod(ms, 1_000)
    minutes, seconds = divmod(seconds, 60)
    if minutes < len(CLOCK):
        clock = CLOCK[minutes] + TWO_DIGITS[seconds]
    else:
        clock = f"{minutes // 60:02}:{minutes % 60:02}:{seconds:02}"
    return f"{clock}.{ms:03}" if ms else clock

"""Dates and times from cells.

Only forms that can be read in one way are accepted, year first. A time without
zone is local time of ``TIME_ZONE``, and must exist there exactly once.
"""

import datetime
import re
import unicodedata

from django.conf import settings
from django.utils import timezone
from django.utils.dateparse import parse_duration
from django.utils.translation import gettext as _

from core.importing.errors import BadCell, Reason, quoted, wrong_type
from core.importing.reader import Cell, CellKind

DATE = (
    r"(?P<year>\d{4})"
    r"(?:-(?P<m1>\d\d?)-(?P<d1>\d\d?)"
    r"|/(?P<m2>\d\d?)/(?P<d2>\d\d?)"
    r"|年(?P<m3>\d\d?)月(?P<d3>\d\d?)日)"
)
TIME = r"(?P<hour>\d\d?):(?P<minute>\d\d)(?::(?P<second>\d\d)(?P<fraction>\.\d{1,6})?)?"
ZONE = r"(?P<zone>Z|[+-]\d\d:?\d\d)"
MOMENT = re.compile(rf"{DATE}(?:(?:T|\s+|(?<=日)){TIME}\s*{ZONE}?)?", re.IGNORECASE)
TIME_OF_DAY = re.compile(TIME)
# 03/04/2024 is March or April, 01-02-03 may be anything.
AMBIGUOUS = re.compile(r"\d{1,2}([./-])\d{1,2}\1(\d{4}|\d{2})\b.*", re.DOTALL)


def to_date(cell: Cell) -> datetime.date:
    expected = _("a date such as 2024-01-31")
    moment = _moment(cell, expected)
    if moment.time() != datetime.time() or moment.tzinfo is not None:
        raise wrong_type(cell.value, _("a date without a time"))
    return moment.date()


def to_datetime(cell: Cell) -> datetime.datetime:
    expected = _("a date and time such as 2024-01-31 09:30")
    moment = _moment(cell, expected)
    if not settings.USE_TZ:
        if moment.tzinfo is not None:
            raise wrong_type(cell.value, _("a date and time without a zone"))
        return moment
    try:
        return _aware(cell, moment)
    except OverflowError:
        raise wrong_type(cell.value, expected) from None


def to_time(cell: Cell) -> datetime.time:
    if isinstance(cell.value, datetime.time):
        return cell.value
    wrong = wrong_type(cell.value, _("a time of day such as 09:30"))
    text = _plain(cell.value) if cell.kind is CellKind.TEXT else ""
    if not (match := TIME_OF_DAY.fullmatch(text)):
        raise wrong
    try:
        return _time(match)
    except ValueError:
        raise wrong from None


def to_duration(cell: Cell) -> datetime.timedelta:
    if isinstance(cell.value, datetime.timedelta):
        return cell.value
    if isinstance(cell.value, datetime.time):
        # Durations below a day come as a time of day unless their format is [h]:mm.
        return _since_midnight(cell.value)
    wrong = wrong_type(cell.value, _("a duration such as 1:30:00"))
    text = _plain(cell.value) if cell.kind is CellKind.TEXT else ""
    try:
        # Django reads an empty text as no time at all.
        duration = parse_duration(text) if text else None
    except OverflowError:
        raise wrong from None
    if duration is None:
        raise wrong
    return duration


def _since_midnight(time: datetime.time) -> datetime.timedelta:
    return datetime.timedelta(
        hours=time.hour,
        minutes=time.minute,
        seconds=time.second,
        microseconds=time.microsecond,
    )


def _moment(cell: Cell, expected: str) -> datetime.datetime:
    if isinstance(cell.value, datetime.datetime):
        return cell.value
    if isinstance(cell.value, datetime.date):
        return datetime.datetime.combine(cell.value, datetime.time())
    if cell.kind is CellKind.NUMBER:
        raise BadCell(
            Reason.WRONG_TYPE,
            _("%(value)s is a plain number; expected %(expected)s or a date cell.")
            % {"value": quoted(cell.value), "expected": expected},
        )
    if cell.kind is not CellKind.TEXT:
        raise wrong_type(cell.value, expected)
    return _parsed(cell, expected)


def _parsed(cell: Cell, expected: str) -> datetime.datetime:
    text = _plain(cell.value)
    if AMBIGUOUS.fullmatch(text):
        raise BadCell(
            Reason.AMBIGUOUS_DATE,
            _("%(value)s can be read in more than one way; expected %(expected)s.")
            % {"value": quoted(cell.value), "expected": expected},
        )
    match = MOMENT.fullmatch(text)
    if match is None:
        raise wrong_type(cell.value, expected)
    try:
        return datetime.datetime.combine(_date(match), _time(match), _zone(match))
    except ValueError:
        raise wrong_type(cell.value, expected) from None


def _date(match: re.Match[str]) -> datetime.date:
    month = match["m1"] or match["m2"] or match["m3"]
    day = match["d1"] or match["d2"] or match["d3"]
    return datetime.date(int(match["year"]), int(month), int(day))


def _time(match: re.Match[str]) -> datetime.time:
    if match["hour"] is None:
        return datetime.time()
    microsecond = (match["fraction"] or ".0")[1:].ljust(6, "0")
    return datetime.time(
        int(match["hour"]),
        int(match["minute"]),
        int(match["second"] or 0),
        int(microsecond),
    )


def _zone(match: re.Match[str]) -> datetime.tzinfo | None:
    zone = match["zone"]
    if zone is None:
        return None
    if zone in "Zz":
        return datetime.UTC
    minutes = int(zone[1:3]) * 60 + int(zone[-2:])
    offset = datetime.timedelta(minutes=minutes if zone[0] == "+" else -minutes)
    return datetime.timezone(offset)


def _aware(cell: Cell, moment: datetime.datetime) -> datetime.datetime:
    aware = moment if moment.tzinfo is not None else _local(cell, moment)
    # The database will ask for UTC, which the ends of the calendar do not have.
    aware.astimezone(datetime.UTC)
    return aware


def _local(cell: Cell, moment: datetime.datetime) -> datetime.datetime:
    local = moment.replace(tzinfo=timezone.get_default_timezone())
    # Where clocks go forward a time is skipped, where they go back it comes twice;
    # in both cases the two readings of the time have different offsets.
    if local.utcoffset() == local.replace(fold=1).utcoffset():
        return local
    raise BadCell(
        Reason.INVALID_TIME,
        _(
            "%(value)s does not exist exactly once in the time zone %(zone)s; "
            "expected a time with its offset, such as 2024-01-31T09:30+08:00."
        )
        % {"value": quoted(cell.value), "zone": settings.TIME_ZONE},
    )


def _plain(text: str) -> str:
    return unicodedata.normalize("NFKC", text).strip()

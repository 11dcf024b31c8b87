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

from core.importing.converting.cells import Parser, quoted_cell, wrong_kind
from core.importing.errors import BadCell, Reason
from core.importing.reading import Kind

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


def date_parser(kind: Kind) -> Parser:
    def parse(text: str) -> datetime.date:
        moment = _moment(kind, text, _("a date such as 2024-01-31"))
        if moment.time() != datetime.time() or moment.tzinfo is not None:
            raise wrong_kind(kind, text, _("a date without a time"))
        return moment.date()

    return parse


def datetime_parser(kind: Kind) -> Parser:
    def parse(text: str) -> datetime.datetime:
        expected = _("a date and time such as 2024-01-31 09:30")
        moment = _moment(kind, text, expected)
        if not settings.USE_TZ:
            if moment.tzinfo is not None:
                raise wrong_kind(kind, text, _("a date and time without a zone"))
            return moment
        try:
            return _aware(kind, text, moment)
        except OverflowError:
            raise wrong_kind(kind, text, expected) from None

    return parse


def time_parser(kind: Kind) -> Parser:
    def parse(text: str) -> datetime.time:
        wrong = wrong_kind(kind, text, _("a time of day such as 09:30"))
        is_time = kind in {Kind.TEXT, Kind.DATE}
        match = TIME_OF_DAY.fullmatch(_plain(text)) if is_time else None
        if match is None:
            raise wrong
        try:
            return _time(match)
        except ValueError:
            raise wrong from None

    return parse


def duration_parser(kind: Kind) -> Parser:
    def parse(text: str) -> datetime.timedelta:
        wrong = wrong_kind(kind, text, _("a duration such as 1:30:00"))
        plain = _plain(text)
        is_duration = kind is Kind.TEXT or (kind is Kind.DATE and plain[4:5] != "-")
        try:
            # Django reads an empty text as no time at all.
            duration = parse_duration(plain) if plain and is_duration else None
        except OverflowError:
            raise wrong from None
        if duration is None:
            raise wrong
        return duration

    return parse


def _moment(kind: Kind, text: str, expected: str) -> datetime.datetime:
    if kind is Kind.NUMBER:
        raise BadCell(
            Reason.WRONG_TYPE,
            _("%(value)s is a plain number; expected %(expected)s or a date cell.")
            % {"value": quoted_cell(kind, text), "expected": expected},
        )
    if kind not in {Kind.TEXT, Kind.DATE}:
        raise wrong_kind(kind, text, expected)
    plain = _plain(text)
    if AMBIGUOUS.fullmatch(plain):
        raise BadCell(
            Reason.AMBIGUOUS_DATE,
            _("%(value)s can be read in more than one way; expected %(expected)s.")
            % {"value": quoted_cell(kind, text), "expected": expected},
        )
    match = MOMENT.fullmatch(plain)
    if match is None:
        raise wrong_kind(kind, text, expected)
    try:
        return datetime.datetime.combine(_date(match), _time(match), _zone(match))
    except ValueError:
        raise wrong_kind(kind, text, expected) from None


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


def _aware(kind: Kind, text: str, moment: datetime.datetime) -> datetime.datetime:
    aware = moment if moment.tzinfo is not None else _local(kind, text, moment)
    # The database will ask for UTC, which the ends of the calendar do not have.
    aware.astimezone(datetime.UTC)
    return aware


def _local(kind: Kind, text: str, moment: datetime.datetime) -> datetime.datetime:
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
        % {"value": quoted_cell(kind, text), "zone": settings.TIME_ZONE},
    )


def _plain(text: str) -> str:
    return unicodedata.normalize("NFKC", text).strip()

"""Time zone tables for a test server, so that CONVERT_TZ knows names.

Django truncates dates with ``CONVERT_TZ(column, 'UTC', 'Asia/Shanghai')``, which is
NULL on a server without these tables. MariaDB's loader is not in its server package
and loads every zone; the few that tests use are worked out with ``zoneinfo`` here.
"""

from bisect import bisect_left
from collections.abc import Iterator
from datetime import datetime
from functools import cache, partial
from zoneinfo import ZoneInfo

# UTC, the site's zone, and one zone with daylight saving time today.
TIME_ZONES = ("UTC", "Asia/Shanghai", "America/New_York")
WEEK = 7 * 24 * 3600
# MariaDB converts no later instants.
END = 2**31


@cache
def time_zone_statements() -> list[str]:
    statements = []
    for zone_id, name in enumerate(TIME_ZONES, start=1):
        changes = list(_changes(ZoneInfo(name)))
        offsets = sorted({offset for _, offset in changes})
        types = [f"({zone_id}, {i}, {o}, 0, '')" for i, o in enumerate(offsets)]
        transitions = [f"({zone_id}, {at}, {offsets.index(o)})" for at, o in changes]
        statements += [
            f"INSERT INTO time_zone VALUES ({zone_id}, 'N');",
            f"INSERT INTO time_zone_name VALUES ('{name}', {zone_id});",
            f"INSERT INTO time_zone_transition_type VALUES {', '.join(types)};",
            f"INSERT INTO time_zone_transition VALUES {', '.join(transitions)};",
        ]
    return statements


def _changes(zone: ZoneInfo) -> Iterator[tuple[int, int]]:
    """Yield (Unix time, seconds east of UTC) for 1970 and each change after it.

    No zone changes twice in a week and back.
    """

    def offset(second: int) -> int:
        delta = datetime.fromtimestamp(second, zone).utcoffset()
        assert delta is not None
        return int(delta.total_seconds())

    def is_after(old: int, second: int) -> bool:
        return offset(second) != old

    latest = offset(0)
    yield 0, latest
    for start in range(0, END, WEEK):
        week = range(start, start + WEEK + 1)
        if offset(week[-1]) != latest:
            at = week[bisect_left(week, True, key=partial(is_after, latest))]
            latest = offset(at)
            yield at, latest

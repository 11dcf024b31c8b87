"""``OPTIONS["pool"]``: names, meanings, defaults and what is refused."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from django.core.exceptions import ImproperlyConfigured


@dataclass(frozen=True, kw_only=True)
class PoolOptions:
    """The options of one pool; durations in seconds, ``None`` or 0 for no limit.

    The first group has DBUtils' names and meanings, with what ``core.db.mysql``
    does differently:
    """

    maxconnections: int = 10
    """At most so many physical connections; 0 for any number."""
    mincached: int = 0
    """Open so many with the first one that succeeds, not at start-up."""
    maxcached: int = 0
    """Keep at most so many idle; 0 for all."""
    maxshared: int = 0
    """Without effect: PyMySQL connections cannot be shared by threads."""
    blocking: bool = True
    """Wait, up to ``timeout``, when all are in use; else fail at once."""
    maxusage: int = 0
    """Close a connection that was lent so often, when it comes back."""
    setsession: tuple[str, ...] = ()
    """Statements that every physical connection starts with."""
    reset: bool = True
    """Accepted; an open transaction is always rolled back, a closed one never."""
    ping: int = 1
    """0: never ask the server whether a connection lives; 1: when in doubt."""

    timeout: float = 10
    """From asking to having a connection: waiting, connecting and checking."""
    max_waiting: int = 0
    """Fail at once when so many wait already."""
    max_lifetime: float = 1800
    """Close a connection of that age (less up to 10 %), when it comes back."""
    max_idle: float = 300
    """Close a connection that nobody needed for so long, at the next loan or return."""
    ping_idle: float = 5
    """Doubt a connection that was silent for so long; 0: doubt all."""
    validation_timeout: float = 2
    """How long the answer to that question may take."""
    max_connecting: int = 2
    """Open at most so many at the same time."""
    leak_after: float = 0
    """Report a connection that was not returned for so long, with its borrower."""
    name: str = ""
    """In messages and figures; the alias of the database by default."""

    warnings: tuple[str, ...] = field(default=(), repr=False)

    @classmethod
    def parse(cls, given: object, *, alias: str) -> "PoolOptions":
        """Check ``OPTIONS["pool"]`` of a database; raise ImproperlyConfigured."""
        if given is True:
            given = {}
        if not isinstance(given, Mapping):
            raise _wrong(alias, None, given, "True, False or a dictionary of options")
        options = _without_aliases(alias, dict(given))
        for option, value in options.items():
            options[option] = _checked(alias, option, value)
        options.setdefault("name", alias)
        parsed = cls(**options, warnings=_warnings(options))
        parsed._check_together(alias)
        return parsed

    def _check_together(self, alias: str) -> None:
        for option in ("maxcached", "mincached"):
            value, limit = getattr(self, option), self.maxconnections
            if limit and value > limit:
                expected = f"at most maxconnections ({limit})"
                raise _wrong(alias, option, value, expected)


COUNTS = {"maxconnections", "mincached", "maxcached", "maxshared", "maxusage"}
COUNTS |= {"max_waiting"}
SECONDS = {"max_lifetime", "max_idle", "ping_idle", "leak_after"}
POSITIVE_SECONDS = {"timeout", "validation_timeout"}
MAX_SECONDS = 10**9
"""Thirty years; sockets and locks fail with more than 2**63 nanoseconds."""
ALIASES = {"pool_size", "max_overflow", "pool_timeout", "pool_recycle"}
"""SQLAlchemy's names for maxconnections, timeout and max_lifetime."""
KNOWN = {item.name for item in fields(PoolOptions)} - {"warnings"}


def _without_aliases(alias: str, given: dict[str, Any]) -> dict[str, Any]:
    unknown = set(given) - KNOWN - ALIASES
    if unknown:
        allowed = ", ".join(sorted(KNOWN | ALIASES))
        name = min(unknown, key=str)
        raise _wrong(alias, name, given[name], f"one of the options {allowed}")
    canonical = {name: value for name, value in given.items() if name in KNOWN}
    for name, translated in _translated(alias, given).items():
        if name in canonical:
            both = ", ".join(sorted(set(given) & ALIASES))
            raise _wrong(alias, name, canonical[name], f"either it or {both}, not both")
        canonical[name] = translated
    return canonical


def _translated(alias: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """Translate SQLAlchemy's options, in which -1 stands for no limit."""
    found: dict[str, Any] = {}
    for name in set(given) & (ALIASES - {"pool_timeout"}):
        if type(given[name]) is not int or given[name] < -1:
            raise _wrong(alias, name, given[name], "a whole number, -1 for no limit")
    if "max_overflow" in given and "pool_size" not in given:
        raise _wrong(alias, "max_overflow", given["max_overflow"], "pool_size with it")
    if "pool_size" in given:
        kept, more = given["pool_size"], given.get("max_overflow", 0)
        is_limited = kept > 0 and more >= 0
        found["maxconnections"] = kept + more if is_limited else 0
        found["maxcached"] = max(kept, 0)
    if "pool_timeout" in given:
        found["timeout"] = given["pool_timeout"]
    if "pool_recycle" in given:
        found["max_lifetime"] = max(given["pool_recycle"], 0)
    return found


def _checked(alias: str, option: str, value: Any) -> Any:
    if option in COUNTS or option == "max_connecting":
        minimum = 1 if option == "max_connecting" else 0
        value = 0 if value is None and not minimum else value
        if type(value) is int and value >= minimum:
            return value
        raise _wrong(alias, option, value, f"a whole number, {minimum} or more")
    if option in SECONDS | POSITIVE_SECONDS:
        value = 0 if value is None and option in SECONDS else value
        if type(value) in (int, float) and (
            0 < value <= MAX_SECONDS or (value == 0 and option in SECONDS)
        ):
            return value
        least = "0 or more" if option in SECONDS else "more than 0"
        raise _wrong(alias, option, value, f"a number of seconds, {least}")
    return _CHECKS[option](alias, option, value)


def _switch(alias: str, option: str, value: Any) -> bool:
    if value is None or (type(value) in (bool, int) and value in (0, 1)):
        return bool(value)
    raise _wrong(alias, option, value, "True or False")


def _ping(alias: str, option: str, value: Any) -> int:
    if value is None or (type(value) in (bool, int) and value in (0, 1)):
        return int(value or 0)
    raise _wrong(
        alias,
        option,
        value,
        "0 or 1; to ask before a cursor or a query (2, 4, 7) would reconnect inside "
        "transactions",
    )


def _statements(alias: str, option: str, value: Any) -> tuple[str, ...]:
    if value is None:
        return ()
    if isinstance(value, list | tuple) and all(isinstance(sql, str) for sql in value):
        return tuple(value)
    raise _wrong(alias, option, value, "a list of SQL statements")


def _text(alias: str, option: str, value: Any) -> str:
    if isinstance(value, str) and value:
        return value
    raise _wrong(alias, option, value, "a text")


_CHECKS = {
    "blocking": _switch,
    "reset": _switch,
    "ping": _ping,
    "setsession": _statements,
    "name": _text,
}


def _warnings(options: Mapping[str, Any]) -> tuple[str, ...]:
    if options.get("maxshared"):
        return (
            f"maxshared={options['maxshared']} is without effect: connections of "
            "PyMySQL (threadsafety 1) cannot be shared by threads.",
        )
    return ()


def _wrong(
    alias: str, option: str | None, value: object, expected: str
) -> ImproperlyConfigured:
    place = f'DATABASES["{alias}"]["OPTIONS"]["pool"]'
    if option is not None:
        place += f'["{option}"]'
    return ImproperlyConfigured(f"{place} is {value!r}: expected {expected}.")

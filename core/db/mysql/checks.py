"""What is said before the first request: errors, and warnings with a hint."""

import os
from collections.abc import Iterable, Mapping
from typing import Any

from django.core.checks import CheckMessage, Tags, Warning, register
from django.core.exceptions import ImproperlyConfigured
from django.db import connections

from core.db.mysql.base import DatabaseWrapper, pool_options

TIME_LIMITS = ("connect_timeout", "read_timeout", "write_timeout")


def validate(alias: str, settings: Mapping[str, Any]) -> None:
    """Raise ImproperlyConfigured for options that no connection can have."""
    options = settings["OPTIONS"]
    if options.get("pool"):
        pool_options(alias, dict(settings))
    for option in TIME_LIMITS:
        value = options.get(option)
        if value is None or (type(value) in (int, float) and 0 < value < 2**31):
            continue
        raise ImproperlyConfigured(
            f'DATABASES["{alias}"]["OPTIONS"]["{option}"] is {value!r}: expected a '
            "number of seconds, more than 0."
        )


@register()
def check_options(app_configs: object, **kwargs: object) -> list[CheckMessage]:
    """Look at the settings alone."""
    found: list[CheckMessage] = []
    for connection in _ours(connections):
        options = connection.settings_dict["OPTIONS"]
        if options.get("pool"):
            found += _ignored_options(connection)
        if not options.get("read_timeout"):
            found.append(_missing_read_timeout(connection.alias))
    return found


@register(Tags.database)
def check_servers(
    app_configs: object, databases: Iterable[str] | None = None, **kwargs: object
) -> list[CheckMessage]:
    """Compare the settings with those of the server, which must be up."""
    found: list[CheckMessage] = []
    for connection in _ours(databases or ()):
        limits = _server_limits(connection)
        if connection.settings_dict["OPTIONS"].get("pool"):
            found += _too_many_connections(connection, limits)
        found += _impatient_client(connection, limits)
        if not connection.features.has_zoneinfo_database:
            found.append(_missing_time_zones(connection.alias))
    return found


def processes() -> int:
    """Give the number of processes that gunicorn starts."""
    value = os.environ.get("WEB_CONCURRENCY", "")
    # gunicorn itself does not start with anything else.
    return int(value) if value.isascii() and value.isdigit() else 1


def _ours(aliases: Iterable[str]) -> list[DatabaseWrapper]:
    found = [connections[alias] for alias in aliases]
    return [one for one in found if isinstance(one, DatabaseWrapper)]


def _server_limits(connection: DatabaseWrapper) -> dict[str, int]:
    names = ("max_connections", "max_user_connections", "innodb_lock_wait_timeout")
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {', '.join(f'@@{name}' for name in names)}")
        return dict(zip(names, cursor.fetchone(), strict=True))


def _ignored_options(connection: DatabaseWrapper) -> list[CheckMessage]:
    options = pool_options(connection.alias, connection.settings_dict)
    return [
        Warning(
            f'Pool of the database "{connection.alias}": {sentence}',
            hint="Remove the option.",
            id="core.db.W001",
        )
        for sentence in options.warnings
    ]


def _missing_read_timeout(alias: str) -> CheckMessage:
    return Warning(
        f'The database "{alias}" has no read_timeout: a server that hangs is waited '
        "for without end, with a connection and a thread held.",
        hint="Set OPTIONS['read_timeout'] above the seconds of the slowest statement "
        "and above the server's innodb_lock_wait_timeout.",
        id="core.db.W002",
    )


def _too_many_connections(
    connection: DatabaseWrapper, limits: Mapping[str, int]
) -> list[CheckMessage]:
    options = pool_options(connection.alias, connection.settings_dict)
    each, count = options.maxconnections, processes()
    # An account without a limit of its own has 0.
    allowed = min(limits["max_connections"], limits["max_user_connections"] or 2**32)
    if each and each * count <= allowed:
        return []
    wanted = f"{count} x {each} = {count * each}" if each else "any number of"
    return [
        Warning(
            f'The pools of the database "{connection.alias}" may open {wanted} '
            f"connections; the server allows {allowed}.",
            hint="Lower maxconnections or WEB_CONCURRENCY (the number of processes), "
            "or raise max_connections of the server.",
            id="core.db.W003",
        )
    ]


def _impatient_client(
    connection: DatabaseWrapper, limits: Mapping[str, int]
) -> list[CheckMessage]:
    patience = connection.settings_dict["OPTIONS"].get("read_timeout")
    waits = limits["innodb_lock_wait_timeout"]
    if not patience or patience > waits:
        return []
    return [
        Warning(
            f'The database "{connection.alias}" has a read_timeout of {patience:g} s, '
            f"but the server lets a statement wait {waits} s for a lock: it may be "
            "carried out after the site has given it up.",
            hint="Raise read_timeout above innodb_lock_wait_timeout, or lower the "
            "latter in OPTIONS['init_command'].",
            id="core.db.W004",
        )
    ]


def _missing_time_zones(alias: str) -> CheckMessage:
    return Warning(
        f'The server of the database "{alias}" knows no time zones: it cannot group '
        "or filter by local dates.",
        hint="Load them: mysql_tzinfo_to_sql /usr/share/zoneinfo | mysql mysql",
        id="core.db.W005",
    )

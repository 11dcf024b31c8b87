"""What is said before the first request."""

from collections.abc import Mapping
from typing import Any

from django.core.exceptions import ImproperlyConfigured

from core.db.mysql.base import pool_options

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

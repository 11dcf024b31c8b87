"""What the commands of a pool ask for before they begin."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.core.management import CommandError
from django.db import OperationalError, connections
from django.utils.translation import gettext as _


def pooled(alias: str) -> Any:
    """Give the connection of an alias; raise CommandError if it has no pool."""
    if alias not in connections:
        message = _('There is no database "%(alias)s"; there are: %(all)s.')
        raise CommandError(message % {"alias": alias, "all": ", ".join(connections)})
    connection = connections[alias]
    if connection.vendor != "mysql":
        message = _(
            'The database "%(alias)s" is %(vendor)s, which has no connection pool: '
            "set DATABASE_URL=mysql://user:password@host:3306/name."
        )
        raise CommandError(message % {"alias": alias, "vendor": connection.vendor})
    if getattr(connection, "pool", None) is None:
        message = _(
            'The database "%(alias)s" is used without a connection pool: '
            'OPTIONS["pool"] is %(value)r.'
        )
        value = connection.settings_dict["OPTIONS"].get("pool")
        raise CommandError(message % {"alias": alias, "value": value})
    return connection


@contextmanager
def answering(alias: str) -> Iterator[None]:
    """Turn the failure of a server to answer into one sentence."""
    try:
        yield
    except OperationalError as error:
        message = _('The database "%(alias)s" gives no answer: %(reason)s')
        raise CommandError(message % {"alias": alias, "reason": error}) from error

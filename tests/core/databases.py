"""Databases that take the place of the suite's own for a while."""

from contextlib import contextmanager

from django.db import connections
from django.db.utils import ConnectionHandler


def mysql_settings(server, **overrides):
    """Give what ``DATABASES`` has for a pooled database on this server."""
    return {
        "ENGINE": "core.db.mysql",
        "NAME": server.database,
        "USER": "root",
        "HOST": "127.0.0.1",
        "PORT": server.port,
        "OPTIONS": {"pool": True},
    } | overrides


@contextmanager
def replaced(alias, settings):
    """Give the alias other settings in all threads, and this one a connection."""
    full_settings = ConnectionHandler({"default": settings}).settings["default"]
    usual_settings = connections.settings.get(alias)
    usual = getattr(connections._connections, alias, None)
    connections.settings[alias] = full_settings
    connection = connections[alias] = connections.create_connection(alias)
    try:
        yield connection
    finally:
        connection.close()
        if hasattr(connection, "close_pool"):
            connection.close_pool()
        connections.settings[alias] = usual_settings
        if usual_settings is None:
            del connections.settings[alias]
        if usual is None:
            del connections[alias]
        else:
            connections[alias] = usual

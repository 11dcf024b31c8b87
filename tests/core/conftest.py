"""Databases for tests of one stack to use while the suite runs on the other."""

from contextlib import ExitStack

import pytest

from tests.core.databases import mysql_settings, replaced
from tests.servers import MariaDB


@pytest.fixture(scope="session")
def mysql_server():
    """The MariaDB server that all tests share; none of them may stop it."""
    with MariaDB() as server:
        yield server


@pytest.fixture
def use_database(django_db_blocker):
    """Put another database in the place of an alias, for all threads.

    ``use_database(settings, alias="default")`` gives its connection of this thread.
    """
    with django_db_blocker.unblock(), ExitStack() as stack:
        yield lambda settings, alias="default": stack.enter_context(
            replaced(alias, settings)
        )


@pytest.fixture
def use_mysql(use_database, mysql_server):
    """Use a pooled MySQL database: ``use_mysql(pool={...}, server=…, **OPTIONS)``."""

    def use(*, pool=True, server=None, alias="default", **options):
        server = server or mysql_server
        options = {"pool": pool, "read_timeout": 60, **options}
        return use_database(mysql_settings(server, OPTIONS=options), alias)

    return use

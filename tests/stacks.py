"""Pytest plugin: choose the stack under test before Django reads its settings.

``--stack embedded`` is SQLite with local memory, ``--stack real`` a MariaDB and a
Redis server started for this run. Every variable that the settings read is set, so
that neither the developer's environment nor the ``.env`` file has a say.
"""

import os
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.binaries import BinaryMissing
from tests.servers import MariaDB, Redis, ServerFailed

STACKS = ("embedded", "real")
# An empty value is an unset one to config.env, but keeps .env from setting it.
PINNED = {
    "DJANGO_SETTINGS_MODULE": "tests.settings",
    "ENV_FILE": os.devnull,
    "DEBUG": "0",
    "SECRET_KEY": "only-for-tests",
    "SECRET_KEY_FILE": "",
    "ALLOWED_HOSTS": "testserver,localhost,127.0.0.1",
    "CSRF_TRUSTED_ORIGINS": "",
    "USE_HTTPS": "0",
    "BEHIND_PROXY": "0",
    "DATABASE_POOL": "",
    "EMAIL_URL": "dummymail://",
    "DEFAULT_FROM_EMAIL": "",
    "SMS_BACKEND": "locmem",
    "SMS_WEBHOOK_SECRET": "",
    "SMS_WEBHOOK_SECRET_FILE": "",
    # Tests deliver when they say so: deliver_messages().
    "MESSAGES_DELIVERY": "workers",
    "PAYMENT_SECRET": "only-for-payments",
    "PAYMENT_SECRET_FILE": "",
    "LANGUAGE_CODE": "en",
    "TIME_ZONE": "Asia/Shanghai",
    "LOG_FORMAT": "",
}
DESCRIPTION = pytest.StashKey[str]()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--stack",
        choices=STACKS,
        default="embedded",
        help="database and cache under test (default: %(default)s)",
    )


@pytest.hookimpl(wrapper=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> Iterator[None]:
    """Run before pytest-django's hook of this name: wrappers come first."""
    name = early_config.known_args_namespace.stack
    resources = ExitStack()
    early_config.add_cleanup(resources.close)
    os.environ.update(PINNED, TEST_STACK=name)
    try:
        start = _start_real if name == "real" else _start_embedded
        early_config.stash[DESCRIPTION] = f"{name} stack: {start(resources)}"
    except (BinaryMissing, ServerFailed) as error:
        raise pytest.UsageError(str(error)) from None
    return (yield)


def pytest_report_header(config: pytest.Config) -> str:
    return config.stash[DESCRIPTION]


def _start_embedded(resources: ExitStack) -> str:
    folder = tempfile.TemporaryDirectory(prefix="inkstone-")
    file = Path(resources.enter_context(folder)) / "db.sqlite3"
    os.environ["DATABASE_URL"] = f"sqlite:///{quote(str(file))}"
    os.environ["REDIS_URL"] = ""
    return f"SQLite {sqlite3.sqlite_version}, local memory"


def _start_real(resources: ExitStack) -> str:
    mariadb = resources.enter_context(MariaDB())
    redis = resources.enter_context(Redis())
    os.environ["DATABASE_URL"] = mariadb.url
    os.environ["REDIS_URL"] = redis.url
    return f"{mariadb.version}, {redis.version}"

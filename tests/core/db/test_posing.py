"""PyMySQL in the place of MySQLdb, tried in processes that have imported neither."""

import subprocess
import sys

import pytest
from django.db import ProgrammingError

from core.db.queries import fetch_all

MODULES = ("", ".converters", ".constants", ".constants.CLIENT", ".cursors", ".err")


def python(*lines):
    command = [sys.executable, "-c", "\n".join(lines)]
    return subprocess.run(command, capture_output=True, text=True)


def compare(name):
    # Not through attributes: importing a module again also replaces those.
    return [
        f"import sys, pymysql{name}, MySQLdb{name}",
        f"print(sys.modules['MySQLdb{name}'] is sys.modules['pymysql{name}'])",
    ]


@pytest.mark.parametrize("name", MODULES)
def test_every_module_of_mysqldb_is_the_one_of_pymysql(name):
    result = python("import core.db.mysql", *compare(name))

    assert result.stdout == "True\n", result.stderr


def test_pymysqls_own_posing_would_import_its_modules_twice():
    result = python(
        "import pymysql; pymysql.install_as_MySQLdb()", *compare(".converters")
    )

    assert result.stdout == "False\n", result.stderr


def test_mysqlclient_that_is_loaded_already_is_refused():
    result = python(
        "import sys, types",
        "sys.modules['MySQLdb'] = types.ModuleType('MySQLdb')",
        "import core.db.mysql",
    )

    assert result.returncode != 0
    assert (
        "ImproperlyConfigured: core.db.mysql uses PyMySQL, but mysqlclient (MySQLdb) is "
        "already imported: use one of them in a process." in result.stderr
    )


def test_error_of_the_driver_is_one_of_django(use_mysql):
    use_mysql()

    with pytest.raises(ProgrammingError, match="inf can not be used with MySQL"):
        fetch_all("SELECT %s", [float("inf")])

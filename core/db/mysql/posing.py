import importlib
import pkgutil
import sys

import pymysql
from django.core.exceptions import ImproperlyConfigured


def pose_as_mysqldb() -> None:
    """Make ``import MySQLdb`` give PyMySQL, submodule by submodule.

    PyMySQL's own ``install_as_MySQLdb`` aliases the top package only: its
    submodules are then imported a second time, as other modules with other
    exception classes that Django does not recognise.
    """
    loaded = sys.modules.get("MySQLdb")
    if loaded not in (None, pymysql):
        raise ImproperlyConfigured(
            "core.db.mysql uses PyMySQL, but mysqlclient (MySQLdb) is already "
            "imported: use one of them in a process."
        )
    for module in pkgutil.walk_packages(pymysql.__path__, "pymysql."):
        if not module.name.startswith("pymysql.tests"):
            importlib.import_module(module.name)
    for name, loaded in list(sys.modules.items()):
        if name == "pymysql" or name.startswith("pymysql."):
            sys.modules["MySQLdb" + name.removeprefix("pymysql")] = loaded

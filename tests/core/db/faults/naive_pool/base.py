"""``PooledDB`` plugged into Django's backend in the shortest way that runs.

Pools are kept by alias, as the packages do that bring a pool to Django's MySQL.
"""

import pymysql
from dbutils.pooled_db import PooledDB

import core.db.mysql  # noqa: F401, lets PyMySQL stand in for MySQLdb

from django.db.backends.mysql import base  # isort: skip

pools = {}


class DatabaseWrapper(base.DatabaseWrapper):
    def get_connection_params(self):
        params = super().get_connection_params()
        params.pop("pool")
        return params

    def get_new_connection(self, conn_params):
        if self.alias not in pools:
            options = self.settings_dict["OPTIONS"]["pool"]
            pools[self.alias] = PooledDB(pymysql, **options, **conn_params)
        return Lent(pools[self.alias].connection())


class Lent:
    """What DBUtils lends, with the methods of the driver that Django needs too."""

    def __init__(self, lent):
        self.lent = lent

    def __getattr__(self, name):
        steady = self.lent._con
        if steady is None or hasattr(type(steady), name):
            return getattr(self.lent, name)
        return getattr(steady._con, name)

    def close(self):
        self.lent.close()

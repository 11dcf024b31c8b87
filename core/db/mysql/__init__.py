"""``ENGINE = "core.db.mysql"``: Django's MySQL backend on PyMySQL, with a pool.

Importing the package lets PyMySQL stand in for MySQLdb, before Django's own
backend, which imports MySQLdb, can be loaded.
"""

from core.db.mysql.posing import pose_as_mysqldb

pose_as_mysqldb()

"""Django's MySQL backend, with connections lent by a pool for each request."""

import os
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.db import connections
from django.db.backends.base.base import NO_DB_ALIAS, BaseDatabaseWrapper
from django.db.backends.mysql import base
from django.utils.functional import cached_property

from core.db.hooks import CommitHooks
from core.db.mysql import registry
from core.db.mysql.creation import DatabaseCreation
from core.db.mysql.lease import Lease
from core.db.mysql.options import PoolOptions
from core.db.mysql.pool import MySQLPool


class DatabaseWrapper(CommitHooks, base.DatabaseWrapper):
    """With ``OPTIONS["pool"]``, ``connect()`` borrows and ``close()`` gives back.

    Django closes at the end of each request (``CONN_MAX_AGE`` is 0), so a request
    keeps one connection, and one that is outside of a request keeps it until
    ``close()``. Without the option it is Django's backend on PyMySQL.
    """

    creation_class = DatabaseCreation
    _known_pool: tuple[tuple[Any, ...], MySQLPool] | None = None

    @property
    def pool(self) -> MySQLPool | None:
        """The pool of this connection's settings; ``None`` if it uses none."""
        settings = self.settings_dict
        if not settings["OPTIONS"].get("pool") or self.alias == NO_DB_ALIAS:
            return None
        # Settings change: creating a test database replaces NAME.
        key = (
            registry.epoch,
            settings["NAME"],
            settings["USER"],
            settings["PASSWORD"],
            settings["HOST"],
            settings["PORT"],
            id(settings["OPTIONS"]),
        )
        known = self._known_pool
        if known is None or known[0] != key or known[1].is_closed:
            self._known_pool = known = (key, self._find_pool())
        return known[1]

    def close_pool(self) -> None:
        """Close the pool, of which the next query makes a new one."""
        if (pool := self.pool) is not None:
            pool.close()

    def get_connection_params(self) -> dict[str, Any]:
        params: dict[str, Any] = super().get_connection_params()
        params.pop("pool", None)
        return params

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        if (pool := self.pool) is not None:
            return pool.connection()
        return super().get_new_connection(conn_params)

    def connect(self) -> None:
        try:
            super().connect()
        except BaseException:
            # Django would go on with a connection that is only half set up.
            lease, self.connection = self.connection, None
            if isinstance(lease, Lease):
                lease.close()
            raise

    def init_connection_state(self) -> None:
        if self.pool is None:
            super().init_connection_state()
        else:
            # The pool has set up the session; what is left is the version check.
            BaseDatabaseWrapper.init_connection_state(self)

    def is_usable(self) -> bool:
        return self.connection is not None and super().is_usable()

    def close_if_health_check_failed(self) -> None:
        if self.pool is None:
            super().close_if_health_check_failed()

    def is_commit_outcome_unknown(self) -> bool:
        connection = self.connection
        if isinstance(connection, Lease):
            connection = connection.connection
        return (
            connection is None
            or not connection.open
            or getattr(connection, "in_flight", False)
        )

    @cached_property
    def mysql_server_data(self) -> dict[str, Any]:
        """Facts of the server, asked once per pool instead of once per thread."""
        if (pool := self.pool) is None:
            return super().mysql_server_data  # type: ignore[no-any-return]
        facts = pool.facts
        if "mysql_server_data" not in facts:
            facts["mysql_server_data"] = super().mysql_server_data
        return facts["mysql_server_data"]  # type: ignore[no-any-return]

    def forget_connection(self) -> None:
        """Let go of a connection that belongs to the parent of a fork."""
        self.connection = None
        if self.in_atomic_block:
            self.closed_in_transaction = True
            self.needs_rollback = True

    def _close(self) -> None:
        # None also inside of atomic(), where Django keeps the reference: the
        # connection may be another thread's a moment later.
        connection, self.connection = self.connection, None
        with self.wrap_database_errors:
            connection.close()

    def _find_pool(self) -> MySQLPool:
        options = pool_options(self.alias, self.settings_dict)
        params = self.get_connection_params()
        shown = sorted((k, repr(v)) for k, v in params.items() if k != "conv")
        fingerprint = repr((self.alias, self.isolation_level, options, shown))
        return registry.get_or_make(fingerprint, lambda: self._make_pool(options))

    def _make_pool(self, options: PoolOptions) -> MySQLPool:
        params = self.get_connection_params()
        session = ["SET sql_auto_is_null = 0"]
        if self.isolation_level:
            level = self.isolation_level.upper()
            session.append(f"SET SESSION TRANSACTION ISOLATION LEVEL {level}")
        if init_command := params.pop("init_command", None):
            session.append(init_command)
        params.setdefault("program_name", f"{options.name} {os.getpid()}")
        # What Django switches on at each connect is the session's own state here.
        return MySQLPool(options, session, **params, autocommit=True)


def pool_options(alias: str, settings: dict[str, Any]) -> PoolOptions:
    """Check the pool's settings of a database; raise ImproperlyConfigured."""
    if (age := settings.get("CONN_MAX_AGE", 0)) != 0:
        raise ImproperlyConfigured(
            f'DATABASES["{alias}"]["CONN_MAX_AGE"] is {age!r}: expected 0, because '
            "the pool keeps the connections."
        )
    given = settings["OPTIONS"]["pool"]
    if settings.get("CONN_HEALTH_CHECKS") and isinstance(given, dict | bool):
        given = {"ping_idle": 0} | (given if isinstance(given, dict) else {})
    return PoolOptions.parse(given, alias=alias)


def _leave_connections_to_parent() -> None:
    registry.forget()
    for connection in connections.all(initialized_only=True):
        if isinstance(connection, DatabaseWrapper) and isinstance(
            connection.connection, Lease
        ):
            connection.forget_connection()


os.register_at_fork(after_in_child=_leave_connections_to_parent)

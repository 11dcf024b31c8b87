"""Django's MySQL backend, with connections lent by a pool for each request."""

import os
from functools import partial
from threading import get_ident
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.db import connections
from django.db.backends.base.base import NO_DB_ALIAS
from django.db.backends.mysql import base
from django.db.backends.signals import connection_created
from django.utils.functional import cached_property
from pymysql.constants import SERVER_STATUS

from core.db.hooks import CommitHooks
from core.db.mysql import registry
from core.db.mysql.creation import DatabaseCreation
from core.db.mysql.lease import Lease
from core.db.mysql.options import PoolOptions
from core.db.mysql.pool import MySQLPool
from core.db.mysql.schema import DatabaseSchemaEditor


class DatabaseWrapper(CommitHooks, base.DatabaseWrapper):
    """With ``OPTIONS["pool"]``, ``connect()`` borrows and ``close()`` gives back.

    Django closes at the end of each request (``CONN_MAX_AGE`` is 0), so a request
    keeps one connection, and one that is outside of a request keeps it until
    ``close()``. Without the option it is Django's backend on PyMySQL.
    """

    creation_class = DatabaseCreation
    SchemaEditorClass = DatabaseSchemaEditor
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

    # Django's own connect(), close() and what decides on close() check what a pool
    # has checked already. With a pool they come down to borrowing and giving back.

    def connect(self) -> None:
        if (pool := self.pool) is None:
            super().connect()
            return
        self._start_anew()
        self.connection = pool.connection()
        try:
            if not self.settings_dict["AUTOCOMMIT"]:
                self.set_autocommit(False)
            if not pool.facts.is_version_checked:
                self.check_database_version_supported()
                pool.facts.is_version_checked = True
            if connection_created.receivers:
                connection_created.send(sender=self.__class__, connection=self)
        except BaseException:
            # Else Django would go on with a connection that is half set up.
            self._give_back()
            raise

    def close(self) -> None:
        is_outside = self.autocommit and not self.in_atomic_block
        if is_outside and isinstance(self.connection, Lease):
            if self._thread_ident != get_ident():  # type: ignore[attr-defined]
                self.validate_thread_sharing()
            self._give_back()
        else:
            super().close()

    def close_if_unusable_or_obsolete(self) -> None:
        if isinstance(self.connection, Lease):
            self.close()
        else:
            super().close_if_unusable_or_obsolete()

    def _start_anew(self) -> None:
        """Set what Django's ``connect()`` sets for each connection."""
        self._forget_transaction()
        self.in_atomic_block = False
        self.savepoint_ids = []
        self.atomic_blocks = []
        self.needs_rollback = False
        self.closed_in_transaction = False
        self.errors_occurred = False
        self.health_check_enabled = False
        self.health_check_done = True
        self.close_at = None
        self.autocommit = True  # of every session that the pool lends
        self.run_on_commit = []

    def _give_back(self) -> None:
        # None first, and inside of atomic() too, where Django would keep the
        # reference: a moment later the connection may be another thread's.
        self.run_on_commit = []
        lease, self.connection = self.connection, None
        lease.close()

    def is_usable(self) -> bool:
        return self.connection is not None and super().is_usable()

    def is_transaction_open(self) -> bool:
        with self.wrap_database_errors:
            status: int = self.connection.server_status
        return bool(status & SERVER_STATUS.SERVER_STATUS_IN_TRANS)

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
            return super().mysql_server_data
        ask = partial(getattr, super(), "mysql_server_data")
        with self.temporary_connection():  # which is the first to ask, if it is new
            return pool.facts.give(ask, pool.options.timeout)

    def forget_connection(self) -> None:
        """Let go of a connection that belongs to the parent of a fork."""
        self.connection = None
        if self.in_atomic_block:
            self.closed_in_transaction = True
            self.needs_rollback = True

    def _close(self) -> None:
        if isinstance(self.connection, Lease):
            self._give_back()
        else:
            super()._close()  # type: ignore[misc]

    def _find_pool(self) -> MySQLPool:
        self.check_settings()
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

"""Django's SQLite backend with settings for a site that serves and writes."""

from typing import Any

from django.db.backends.sqlite3 import base

from core.db.hooks import CommitHooks
from core.db.sqlite.cursor import Cursor

WAIT_FOR_LOCK_SECONDS = 20


class DatabaseWrapper(CommitHooks, base.DatabaseWrapper):
    """Adds commit hooks and defaults, which ``OPTIONS`` may override.

    ``BEGIN IMMEDIATE``: a transaction that reads and then writes must not fail
    half-way with "database is locked"; it waits for the write lock at its begin.
    WAL: readers go on while one writes. ``synchronous=NORMAL`` is durable against
    a crash of the process; a power cut may lose the last commits, but never
    corrupts the file.
    """

    def get_connection_params(self) -> dict[str, Any]:
        params: dict[str, Any] = super().get_connection_params()
        params.setdefault("timeout", WAIT_FOR_LOCK_SECONDS)
        options = self.settings_dict["OPTIONS"]
        if "transaction_mode" not in options:
            self.transaction_mode = "IMMEDIATE"
        if "init_command" not in options:
            self.init_commands = [
                "PRAGMA journal_mode = WAL",
                "PRAGMA synchronous = NORMAL",
            ]
        return params

    def is_transaction_open(self) -> bool:
        return bool(self.connection.in_transaction)

    def create_cursor(self, name: str | None = None) -> Cursor:
        cursor: Cursor = self.connection.cursor(factory=Cursor)
        return cursor

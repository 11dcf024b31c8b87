from typing import Any

from django.apps import AppConfig
from django.db import DEFAULT_DB_ALIAS
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created
from django.db.models.signals import post_migrate

from core.db.hooks import subscribe


class CachingConfig(AppConfig):
    name = "core.caching"
    label = "core_caching"
    verbose_name = "coherent cache"

    def ready(self) -> None:
        from core.caching import checks  # noqa: F401 (registers them)
        from core.caching.transactions import Announcer

        subscribe(Announcer())
        connection_created.connect(watch_connection, dispatch_uid="core.caching.watch")
        post_migrate.connect(
            start_afresh, sender=self, dispatch_uid="core.caching.start_afresh"
        )


def watch_connection(*, connection: BaseDatabaseWrapper, **kwargs: Any) -> None:
    from core.caching.transactions import watch_statements

    wrappers = connection.execute_wrappers
    if connection.alias == DEFAULT_DB_ALIAS and watch_statements not in wrappers:
        # First, because execute_wrapper() takes its own from the end.
        wrappers.insert(0, watch_statements)


def start_afresh(*, using: str, **kwargs: Any) -> None:
    """Migrations may change data by means that leave no trace; ``flush`` empties."""
    from core.caching.stores.database import fill_slots
    from core.caching.transactions import invalidate_all

    if using == DEFAULT_DB_ALIAS:
        fill_slots()
        invalidate_all()

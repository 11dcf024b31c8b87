from django.apps import AppConfig
from django.db import connections


class DatabaseConfig(AppConfig):
    name = "core.db"
    label = "core_db"

    def ready(self) -> None:
        """Refuse wrong options before the first request, not with it."""
        settings = connections.settings
        mysql = [a for a in connections if settings[a]["ENGINE"] == "core.db.mysql"]
        if not mysql:
            return
        # Not above: a site on SQLite needs no PyMySQL.
        from core.db.mysql import checks

        for alias in mysql:
            checks.validate(alias, settings[alias])

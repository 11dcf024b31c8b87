import os
from typing import Any

from django.conf import settings
from django.contrib.staticfiles.management.commands.runserver import (
    Command as StaticFilesRunserver,
)
from django.core.management import call_command
from django.db import connection


class Command(StaticFilesRunserver):
    """Prepares an empty SQLite database, so that a fresh clone just runs."""

    def handle(self, *args: Any, **options: Any) -> None:
        is_first_process = "RUN_MAIN" not in os.environ
        if settings.DEBUG and is_first_process and database_is_new():
            call_command("bootstrap", stdout=self.stdout)
        super().handle(*args, **options)


def database_is_new() -> bool:
    return connection.vendor == "sqlite" and not connection.introspection.table_names()

import os
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.staticfiles.management.commands.runserver import (
    Command as StaticFilesRunserver,
)
from django.core.management import call_command
from django.db import connection


class Command(StaticFilesRunserver):
    """Prepares a database file that is not there yet, so that a clone just runs."""

    def handle(self, *args: Any, **options: Any) -> None:
        is_first_process = "RUN_MAIN" not in os.environ
        if settings.DEBUG and is_first_process and database_file_is_missing():
            call_command("bootstrap", stdout=self.stdout)
        super().handle(*args, **options)


def database_file_is_missing() -> bool:
    name = connection.settings_dict["NAME"]
    return connection.vendor == "sqlite" and not Path(name).exists()

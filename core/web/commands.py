from typing import Any

from django.core.management import BaseCommand

from core.web.context import app_context


class ContextCommand(BaseCommand):
    """A management command that runs in a context of its own: ``g`` is there."""

    def execute(self, *args: Any, **options: Any) -> str | None:
        with app_context():
            return super().execute(*args, **options)

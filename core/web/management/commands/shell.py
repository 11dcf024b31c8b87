from django.core.management.commands.shell import Command as DjangoShell

from core.web.commands import ContextCommand


class Command(ContextCommand, DjangoShell):
    """Django's shell, also for scripts (``shell -c``, ``shell < script``), with ``g``."""

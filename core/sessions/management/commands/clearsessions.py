"""Django's command, which is not installed without its sessions app."""

from django.contrib.sessions.management.commands.clearsessions import Command

__all__ = ["Command"]

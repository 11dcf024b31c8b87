"""Enqueueing and delivering, in the process of the test and in others."""

import io

from django.core.management import call_command

from core.messaging import send_sms
from core.messaging.worker import Worker

PHONE = "+8613800138000"


def message(to=PHONE, **arguments):
    return send_sms(to, "welcome", {"name": "Mei", "code": 42}, **arguments)


def deliver():
    """Deliver what is due, here and now; give what became of it."""
    return Worker("default").drain()


def work():
    """Be a worker until somebody ends it."""
    call_command("send_messages", stdout=io.StringIO())


def drain():
    call_command("send_messages", "--once", stdout=io.StringIO())

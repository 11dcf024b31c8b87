"""The command ``send_messages``, as an operator starts it."""

import pytest
from django.core.management import CommandError, call_command

from core.messaging.models import Message
from tests.core.messaging.processes import message

pytestmark = pytest.mark.django_db


def output(capsys, *arguments):
    call_command("send_messages", *arguments)
    return capsys.readouterr()


@pytest.mark.parametrize("option", ["--once", "--drain"])
def test_once_delivers_what_is_due_and_ends(capsys, sms_outbox, option):
    for _ in range(30):
        message()

    shown = output(capsys, option)

    assert len(sms_outbox) == 30
    assert shown.out == "Sent: 30, to be tried again: 0, given up: 0.\n"
    assert shown.err == ""


def test_failures_are_counted(capsys, settings, provider):
    settings.MESSAGES_MAX_ATTEMPTS = 2
    provider.refuse("temporary")
    message()
    Message.objects.update(attempts=1)
    message()

    shown = output(capsys, "--once")

    assert shown.out == "Sent: 0, to be tried again: 1, given up: 1.\n"


def test_rate_is_shown_on_a_terminal(capsys, monkeypatch, sms_outbox):
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    message()

    shown = output(capsys, "--once")

    assert "messages/s" in shown.err


def test_unknown_database_is_refused(capsys):
    with pytest.raises(CommandError, match="invalid choice: 'nowhere'"):
        call_command("send_messages", "--once", "--database=nowhere")

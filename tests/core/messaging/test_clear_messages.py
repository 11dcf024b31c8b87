from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db.models import F

from core.messaging.management.commands import clear_messages
from core.messaging.models import Message
from tests.core.messaging.processes import deliver, message

pytestmark = pytest.mark.django_db


def clear(days):
    out = StringIO()
    call_command("clear_messages", "--days", days, stdout=out)
    return out.getvalue()


def let_days_pass(days):
    Message.objects.update(created_at=F("created_at") - timedelta(days=days))


def test_old_messages_are_deleted_step_by_step(monkeypatch, sms_outbox):
    monkeypatch.setattr(clear_messages, "STEP", 2)
    for _ in range(5):
        message()
    deliver()
    let_days_pass(31)
    message()
    deliver()

    assert clear("30") == "Deleted: 5 messages.\n"
    assert Message.objects.count() == 1


def test_what_waits_is_kept(sms_outbox):
    message()
    let_days_pass(31)

    clear("30")
    deliver()

    assert len(sms_outbox) == 1


def test_key_of_a_deleted_message_is_free(sms_outbox):
    message(dedupe_key="order:1")
    deliver()
    clear("0")

    message(dedupe_key="order:1")
    deliver()

    assert len(sms_outbox) == 2


def test_other_numbers_of_days_are_refused():
    with pytest.raises(CommandError, match="'-1': expected a whole number of days"):
        call_command("clear_messages", "--days=-1")

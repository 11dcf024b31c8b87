"""A recipient gets so many messages in an hour, the others later."""

from datetime import timedelta

import pytest
from django.db.models import F

from core.messaging import queue, send_email
from core.messaging.batch import Batch
from core.messaging.models import Message
from tests.core.messaging.processes import deliver, message

pytestmark = pytest.mark.django_db

OTHER = "+8613900139000"


@pytest.fixture(autouse=True)
def limit(settings):
    settings.MESSAGES_HOURLY_LIMIT = 2


def let_time_pass(**duration):
    """As if all that happened had happened so long ago."""
    passed = timedelta(**duration)
    Message.objects.update(
        sent_at=F("sent_at") - passed, not_before=F("not_before") - passed
    )


def test_what_exceeds_the_limit_waits(sms_outbox):
    for _ in range(3):
        message()

    deliver()

    assert len(sms_outbox) == 2
    waiting = Message.objects.get(status="queued")
    assert (waiting.attempts, waiting.last_error) == (0, "")


def test_what_exceeds_the_limit_is_looked_at_when_the_hour_is_over(sms_outbox):
    for _ in range(2):
        message()
    deliver()
    message()

    deliver()

    assert 3500 < queue.seconds_until_due("default") <= 3600


def test_oldest_message_goes_first(sms_outbox):
    messages = [message() for _ in range(3)]

    deliver()

    assert [sent.id for sent in sms_outbox] == [str(m.uuid) for m in messages[:2]]


def test_what_waited_is_sent_when_the_hour_is_over(sms_outbox):
    for _ in range(5):
        message()

    for count in (2, 4, 5):
        deliver()
        assert len(sms_outbox) == count
        let_time_pass(minutes=59)
        deliver()
        assert len(sms_outbox) == count
        let_time_pass(minutes=2)


def test_recipients_do_not_count_for_each_other(sms_outbox):
    for to in (OTHER, "+8613700137000"):
        for _ in range(2):
            message(to=to)

    deliver()

    assert len(sms_outbox) == 4


def test_email_counts_too():
    for _ in range(3):
        send_email("mei@example.com", "welcome", {"name": "Mei"})

    assert deliver() == {"sent": 2, "queued": 1}


def test_what_another_worker_has_claimed_counts(sms_outbox):
    for _ in range(3):
        message()
    queue.claim("default", 2, seconds=60)

    deliver()

    assert not sms_outbox
    assert 0 < queue.seconds_until_due("default") <= 60


def test_limit_holds_for_workers_at_the_same_time(sms_outbox):
    for _ in range(4):
        message()
    batches = [Batch.claim("default", 2), Batch.claim("default", 2)]

    chosen = [list(batch.sendable()) for batch in batches]

    assert sum(map(len, chosen)) <= 2


def test_what_was_given_up_does_not_count(sms_outbox):
    for _ in range(4):
        message()
    dead = list(Message.objects.values_list("pk", flat=True)[:2])
    Message.objects.filter(pk__in=dead).update(status="dead", not_before=None)

    deliver()

    assert len(sms_outbox) == 2


def test_there_may_be_no_limit(settings, sms_outbox):
    settings.MESSAGES_HOURLY_LIMIT = 0
    for _ in range(30):
        message()

    deliver()

    assert len(sms_outbox) == 30

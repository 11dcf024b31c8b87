from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID

import pytest
from django.db import connection, transaction
from django.utils import timezone, translation

from core.messaging import (
    InvalidMessage,
    cancel_messages,
    draft_email,
    draft_sms,
    outbox,
    send_email,
    send_many,
    send_sms,
)
from core.messaging.models import Message
from tests.core.messaging.processes import PHONE, deliver, message

pytestmark = pytest.mark.django_db

CONTEXT = {"name": "Mei", "code": 42}


def test_sms_is_stored_as_it_will_be_sent():
    sent = send_sms(PHONE, "welcome", CONTEXT)

    stored = Message.objects.get()
    assert stored == sent
    assert stored.to == PHONE
    assert stored.body == "Search, Mei! Code 42"
    assert stored.context == CONTEXT
    assert (stored.channel, stored.status, stored.attempts) == ("sms", "queued", 0)


def test_given_message_has_the_moments_that_the_server_set():
    sent = send_sms(PHONE, "welcome", CONTEXT)

    stored = Message.objects.get()
    assert sent.created_at == stored.created_at
    assert sent.not_before == stored.not_before
    assert abs(stored.created_at - timezone.now()) < timedelta(minutes=5)


def test_email_has_subject_text_and_html():
    send_email("mei@example.com", "welcome", {"name": "<Mei>"})

    stored = Message.objects.get()
    assert stored.subject == "Search <Mei>"
    assert stored.body == "Search, <Mei>!"
    assert stored.html == "<p>&lt;Mei&gt;</p>"


def test_email_needs_no_html():
    assert send_email("mei@example.com", "plain", CONTEXT).html == ""


def test_subject_is_one_line_whatever_the_context_has():
    sent = send_email(
        "mei@example.com", "plain", {"name": "Hi\r\nBcc: eve@example.com"}
    )

    assert sent.subject == "Hi Bcc: eve@example.com"


@pytest.mark.parametrize(
    ("language", "text"),
    [("en", "Search, "), ("zh-hans", "搜索，"), ("zh-cn", "搜索，")],
)
def test_language_of_the_recipient_is_used(language, text):
    sent = send_sms(PHONE, "welcome", CONTEXT, language=language)

    assert sent.body[:2] == text[:2]
    assert sent.language == {"zh-cn": "zh-hans"}.get(language, language)


def test_language_is_else_the_active_one():
    with translation.override("zh-hans"):
        assert send_sms(PHONE, "welcome", CONTEXT).language == "zh-hans"
    with translation.override(None):
        assert send_sms(PHONE, "welcome", CONTEXT).language == "en"


def test_context_may_have_dates_and_decimals():
    context = {"name": datetime(2024, 1, 31, tzinfo=UTC), "price": Decimal("1.50")}

    send_sms(PHONE, "welcome", context)

    assert Message.objects.get().context["price"] == "1.50"


REFUSED_NUMBERS = [
    "13800138000",
    "+8613800138000\n",
    "+86 138 0013 8000",
    "",
    "+0123456",
    None,
]
REFUSED_ADDRESSES = [
    "mei",
    "mei@example.com\nBcc: eve@example.com",
    "mei@example.com, eve@example.com",
    "Mei <mei@example.com>",
    "me\0i@example.com",
    ["mei@example.com"],
]


@pytest.mark.parametrize("to", REFUSED_NUMBERS)
def test_what_is_no_number_is_refused(to):
    with pytest.raises(InvalidMessage, match="expected an international number"):
        send_sms(to, "welcome", CONTEXT)

    assert not Message.objects.exists()


@pytest.mark.parametrize("to", REFUSED_ADDRESSES)
def test_what_is_no_address_is_refused(to):
    with pytest.raises(InvalidMessage, match="expected one address"):
        send_email(to, "welcome", CONTEXT)

    assert not Message.objects.exists()


def test_refusal_shows_the_form_of_a_number_and_not_the_number():
    with pytest.raises(InvalidMessage) as refusal:
        send_sms("13900139099", "welcome", CONTEXT)

    assert "'139***99'" in str(refusal.value)
    assert "13900139099" not in str(refusal.value)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"template": "nowhere"}, "There is no message 'nowhere': expected a template"),
        ({"template": "../welcome"}, "The name of the message is '../welcome'"),
        ({"template": "w" * 101}, "The name of the message is"),
        ({"language": "xx"}, "The language of the message is 'xx': expected"),
        ({"dedupe_key": ""}, "dedupe_key is '': expected 1 to 200 printable"),
        ({"dedupe_key": "a\n"}, "dedupe_key is"),
        ({"dedupe_key": "a "}, "dedupe_key is"),
        ({"dedupe_key": "x" * 201}, "dedupe_key is"),
        ({"dedupe_key": 7}, "dedupe_key is 7"),
        ({"not_before": datetime(2030, 1, 1)}, "not_before is .*time zone"),  # noqa: DTZ001
        ({"not_before": "tomorrow"}, "not_before is 'tomorrow'"),
        ({"context": {"name": object()}}, r"context\['name'\] is of type object"),
        ({"context": {"name": "\0"}}, "contains a NUL character"),
    ],
)
def test_what_cannot_be_sent_is_refused_before_anything_is_written(arguments, sentence):
    arguments = {"template": "welcome", "context": CONTEXT} | arguments

    with pytest.raises(InvalidMessage, match=sentence):
        send_sms(PHONE, **arguments)

    assert not Message.objects.exists()


def test_enqueueing_is_one_statement(django_assert_num_queries):
    with django_assert_num_queries(1):
        send_sms(PHONE, "welcome", CONTEXT)


def test_enqueueing_with_a_key_is_two_statements(django_assert_num_queries):
    with django_assert_num_queries(2):
        send_sms(PHONE, "welcome", CONTEXT, dedupe_key="user:1")


def test_second_call_with_a_key_gives_the_first_message(django_assert_num_queries):
    first = message(dedupe_key="user:1")

    with django_assert_num_queries(1):
        second = message(dedupe_key="user:1", to="+8613900139000")

    assert second == first
    assert Message.objects.count() == 1


@pytest.mark.parametrize("key", ["USER:1", "üser:1", "user:1!"])
def test_keys_are_compared_as_they_are(key):
    message(dedupe_key="user:1")
    message(dedupe_key=key)

    assert Message.objects.count() == 2


def test_messages_without_a_key_are_different():
    message()
    message()

    assert Message.objects.count() == 2


def test_key_that_appears_meanwhile_leaves_the_transaction_whole(monkeypatch):
    """As if another transaction had committed between our look and our INSERT."""
    first = message(dedupe_key="user:1")
    look, answers = outbox._with_key, [Message.objects.none()]
    monkeypatch.setattr(
        outbox, "_with_key", lambda *args: answers.pop() if answers else look(*args)
    )

    with transaction.atomic():
        second = message(dedupe_key="user:1")
        message(dedupe_key="user:2")

    assert second == first
    keys = Message.objects.values_list("dedupe_key", flat=True)
    assert sorted(keys) == ["user:1", "user:2"]


def test_message_waits_for_its_moment(sms_outbox):
    later = message(not_before=timezone.now() + timedelta(hours=1))
    message(not_before=timezone.now() - timedelta(hours=1))

    deliver()

    assert len(sms_outbox) == 1
    later.refresh_from_db()
    assert later.status == "queued"


def test_withdrawn_message_is_not_sent(sms_outbox):
    message(dedupe_key="order:1:reminder")
    message(dedupe_key="order:2:reminder")

    assert cancel_messages(dedupe_key="order:1:reminder") == 1
    deliver()

    assert len(sms_outbox) == 1
    assert Message.objects.get(dedupe_key="order:1:reminder").status == "cancelled"


def test_what_was_sent_cannot_be_withdrawn(sms_outbox):
    message(dedupe_key="order:1:reminder")
    deliver()

    assert cancel_messages(dedupe_key="order:1:reminder") == 0
    assert Message.objects.get().status == "sent"


def test_id_given_to_the_provider_is_random():
    assert isinstance(message().uuid, UUID)
    assert message().uuid != message().uuid


@pytest.mark.skipif("connection.vendor == 'sqlite'", reason="has no time zones")
def test_clock_is_that_of_the_server_in_utc(sms_outbox):
    with connection.cursor() as cursor:
        cursor.execute("SET time_zone = '+08:00'")
        try:
            sent = message()
            deliver()
        finally:
            cursor.execute("SET time_zone = 'SYSTEM'")

    assert abs(sent.created_at - timezone.now()) < timedelta(minutes=5)
    assert len(sms_outbox) == 1


def test_many_messages_take_few_statements(django_assert_max_num_queries):
    send_sms(PHONE, "welcome", CONTEXT, dedupe_key="7")
    drafts = [
        draft_sms(PHONE, "welcome", CONTEXT, dedupe_key=str(number))
        for number in range(500)
    ]

    with django_assert_max_num_queries(20):
        send_many(drafts)

    assert Message.objects.count() == 500


def test_draft_that_cannot_be_sent_is_refused():
    with pytest.raises(InvalidMessage, match="expected one address"):
        draft_email("nobody", "plain")

    assert not Message.objects.exists()

"""What becomes of a message when it is delivered, and when it is not."""

import smtplib
from datetime import timedelta

import pytest
from django.core import mail
from django.db import connection
from django.utils import timezone

from core.messaging import batch, queue, send_email, send_sms, worker
from core.messaging.backends.base import BaseSMSBackend
from core.messaging.batch import Batch, pause_seconds
from core.messaging.clock import ServerNow
from core.messaging.errors import PermanentFailure, TemporaryFailure
from core.messaging.models import Message
from core.messaging.worker import Worker
from tests.core.messaging.processes import PHONE, deliver, message

pytestmark = pytest.mark.django_db

ADDRESS = "mei@example.com"


class Refusing(BaseSMSBackend):
    """Raises ``Refusing.error`` for every message; counts what it is asked for."""

    error = None
    opened = tried = 0

    def open(self):
        Refusing.opened += 1
        if isinstance(self.error, ConnectionRefusedError):
            raise self.error

    def send_messages(self, messages):
        Refusing.tried += 1
        raise self.error


@pytest.fixture
def refusing(settings, monkeypatch):
    """Let every SMS fail: ``refusing(error)``."""
    settings.SMS_BACKEND = f"{__name__}.Refusing"
    for name in ("error", "opened", "tried"):
        monkeypatch.setattr(Refusing, name, getattr(Refusing, name))

    def refuse(error):
        Refusing.error = error
        return Refusing

    return refuse


def make_due(**filters):
    Message.objects.filter(**filters).update(not_before=ServerNow())


def email():
    return send_email(ADDRESS, "welcome", {"name": "Mei"})


def test_sms_is_sent(sms_outbox):
    queued = message()

    deliver()

    (sent,) = sms_outbox
    assert (sent.to, sent.body) == (PHONE, queued.body)
    assert sent.id == str(queued.uuid)
    stored = Message.objects.get()
    assert (stored.status, stored.attempts) == ("sent", 1)
    assert stored.sent_at >= stored.created_at
    assert stored.not_before is None


def test_email_is_sent_with_both_parts():
    queued = email()

    deliver()

    (sent,) = mail.outbox
    assert sent.to == [ADDRESS]
    assert (sent.subject, sent.body) == (queued.subject, queued.body)
    assert sent.alternatives[0].content == "<p>Mei</p>"
    assert sent.alternatives[0].mimetype == "text/html"
    assert Message.objects.get().status == "sent"


def test_what_was_sent_is_not_sent_again(sms_outbox):
    message()
    deliver()
    deliver()

    assert len(sms_outbox) == 1


def test_messages_are_sent_in_the_order_of_their_enqueueing(sms_outbox):
    codes = [send_sms(PHONE, "welcome", {"code": code}).body for code in range(30)]

    deliver()

    assert [sent.body for sent in sms_outbox] == codes


def test_message_that_fails_is_tried_later(refusing):
    refusing(TemporaryFailure("busy", details="HTTP 503: busy"))
    queued = message()

    deliver()

    stored = Message.objects.get()
    assert (stored.status, stored.attempts) == ("queued", 1)
    assert stored.last_error == "HTTP 503: busy"
    assert stored.not_before > queued.not_before


def test_message_that_failed_is_sent_under_the_same_id(settings, refusing, sms_outbox):
    queued = message()
    refusing(TemporaryFailure("busy"))
    deliver()
    settings.SMS_BACKEND = "core.messaging.backends.locmem.SMSBackend"
    make_due()

    deliver()

    assert [sent.id for sent in sms_outbox] == [str(queued.uuid)]
    stored = Message.objects.get()
    assert (stored.status, stored.attempts, stored.last_error) == ("sent", 2, "")


def test_permanent_failure_ends_it_at_once(refusing, caplog):
    refusing(PermanentFailure("HTTP 422", details="no such number"))
    queued = message()

    deliver()

    stored = Message.objects.get()
    assert (stored.status, stored.attempts) == ("dead", 1)
    assert stored.last_error == "no such number"
    assert f"message {queued.uuid}: given up: HTTP 422" in caplog.text
    assert PHONE not in caplog.text


def test_message_is_given_up_after_so_many_attempts(settings, refusing):
    settings.MESSAGES_MAX_ATTEMPTS = 3
    refusing(TemporaryFailure("busy"))
    message()

    for _ in range(5):
        deliver()
        make_due(status="queued")

    assert Message.objects.get().status == "dead"
    assert Refusing.tried == 3


def test_message_that_kills_its_workers_is_given_up(settings, sms_outbox):
    settings.MESSAGES_MAX_ATTEMPTS = 3
    message()
    for _ in range(3):
        queue.claim("default", 1, seconds=0)
    message()

    deliver()

    assert [m.status for m in Message.objects.order_by("id")] == ["dead", "sent"]
    assert "Every worker that took it has died" in Message.objects.last().last_error


@pytest.mark.parametrize("error", [ConnectionResetError(104, "reset"), TimeoutError()])
def test_network_errors_are_temporary(refusing, error):
    refusing(error)
    message()

    deliver()

    assert Message.objects.get().status == "queued"


def test_outlet_that_cannot_be_reached_is_tried_once_for_all(refusing):
    refusing(ConnectionRefusedError(111, "refused"))
    for _ in range(5):
        message()

    deliver()

    assert (Refusing.opened, Refusing.tried) == (1, 0)
    assert set(Message.objects.values_list("status", "attempts")) == {("queued", 1)}


def test_connection_that_may_be_broken_is_opened_anew(refusing):
    refusing(ConnectionResetError(104, "reset"))
    message()
    message()

    deliver()

    assert (Refusing.opened, Refusing.tried) == (2, 2)


def test_connection_is_kept_when_a_message_is_refused(refusing):
    refusing(PermanentFailure("no such number"))
    message()
    message()

    deliver()

    assert (Refusing.opened, Refusing.tried) == (1, 2)


def test_one_outlet_that_fails_leaves_the_other_alone(refusing):
    refusing(ConnectionRefusedError(111, "refused"))
    message()
    email()

    deliver()

    assert len(mail.outbox) == 1


def test_defect_of_a_backend_is_kept_and_concerns_nobody_else(refusing, caplog):
    refusing(KeyError(PHONE))
    queued = message()
    email()

    deliver()

    queued.refresh_from_db()
    assert queued.status == "queued"
    assert "Traceback" in queued.last_error
    assert "in send_messages" in queued.last_error
    assert "unexpected KeyError" in caplog.text
    assert PHONE not in caplog.text
    assert len(mail.outbox) == 1


REFUSED = smtplib.SMTPRecipientsRefused({ADDRESS: (550, b"no such user")})
BUSY = smtplib.SMTPRecipientsRefused({ADDRESS: (451, b"greylisted")})


@pytest.mark.parametrize(
    ("error", "status", "text"),
    [
        (REFUSED, "dead", "SMTP 550: no such user"),
        (BUSY, "queued", "SMTP 451: greylisted"),
        (smtplib.SMTPDataError(554, b"spam"), "dead", "SMTP 554: spam"),
        (smtplib.SMTPDataError(452, b"full"), "queued", "SMTP 452: full"),
        # The site's to mend: the messages wait for it.
        (smtplib.SMTPAuthenticationError(535, b"who?"), "queued", "SMTP 535: who?"),
        (smtplib.SMTPSenderRefused(550, b"you?", ADDRESS), "queued", "SMTP 550: you?"),
        (smtplib.SMTPServerDisconnected("gone"), "queued", "gone"),
    ],
)
def test_answers_of_a_mail_server(monkeypatch, caplog, error, status, text):
    def fail(self, messages):
        raise error

    backend = "django.core.mail.backends.locmem.EmailBackend.send_messages"
    monkeypatch.setattr(backend, fail)
    email()

    deliver()

    stored = Message.objects.get()
    assert stored.status == status
    assert text in stored.last_error
    assert ADDRESS not in caplog.text


def test_email_has_the_same_message_id_at_every_attempt(settings):
    settings.DEFAULT_FROM_EMAIL = "Inkstone <site@example.com>"
    queued = email()
    deliver()
    Message.objects.update(status="queued", not_before=ServerNow())

    deliver()

    ids = [sent.message()["Message-ID"] for sent in mail.outbox]
    assert ids == [f"<{queued.uuid}@example.com>"] * 2


def test_pauses_grow_and_are_spread_over_their_whole_length():
    failure = TemporaryFailure("busy")
    first = [pause_seconds(1, failure) for _ in range(300)]
    fifth = [pause_seconds(5, failure) for _ in range(300)]

    assert 0 <= min(first) < 2 and 8 < max(first) <= 10
    assert 0 <= min(fifth) < 32 and 128 < max(fifth) <= 160
    assert pause_seconds(1000, failure) <= 7200


def test_pause_is_as_long_as_the_provider_asks_for():
    assert pause_seconds(1, TemporaryFailure("busy", retry_after=600)) == 600
    assert pause_seconds(1, TemporaryFailure("busy", retry_after=10**9)) == 24 * 3600


class Naming(BaseSMSBackend):
    """Tells an id for what it accepts."""

    provider_id = ""

    def send_messages(self, messages):
        messages[0].provider_id = self.provider_id
        return 1


@pytest.mark.parametrize(
    ("told", "stored"),
    [("abc-1", "abc-1"), ("x" * 201, ""), ("\ud800", ""), ("a\0", ""), (None, "")],
)
def test_providers_id_is_kept_if_it_can_be(settings, monkeypatch, told, stored):
    settings.SMS_BACKEND = f"{__name__}.Naming"
    monkeypatch.setattr(Naming, "provider_id", told)
    message()

    deliver()

    found = Message.objects.get()
    assert (found.status, found.provider_id) == ("sent", stored)


def test_words_of_a_provider_are_kept_whatever_they_are(refusing):
    refusing(TemporaryFailure("busy", details="\ud800" + "x" * 20_000))
    message()

    deliver()

    assert Message.objects.get().last_error.startswith("?xxx")


class Stopping(BaseSMSBackend):
    """Stops the worker that sends through it while it sends."""

    worker = None

    def send_messages(self, messages):
        Stopping.worker.stop()
        return len(messages)


def test_worker_that_stops_finishes_one_and_puts_the_others_back(settings):
    settings.SMS_BACKEND = f"{__name__}.Stopping"
    for _ in range(3):
        message()
    Stopping.worker = Worker("default")

    tally = Stopping.worker.drain()

    assert tally == {"sent": 1, "queued": 2}
    statuses = Message.objects.order_by("id").values_list("status", "attempts", "lease")
    assert list(statuses) == [
        ("sent", 1, None),
        ("queued", 0, None),
        ("queued", 0, None),
    ]


def test_worker_sends_nothing_once_its_lease_may_have_ended(sms_outbox):
    for _ in range(3):
        message()
    held = Batch.claim("default", 10)
    sending = held.sendable()
    next(sending)

    held._expires = 0

    assert list(sending) == []


def test_messages_of_a_silent_worker_go_to_the_next(sms_outbox):
    message()
    silent = queue.claim("default", 10, seconds=0)

    deliver()

    assert len(silent) == len(sms_outbox) == 1
    assert Message.objects.get().attempts == 2


def test_what_is_due_now_can_be_claimed_now():
    message()

    for _ in range(50):
        assert queue.claim("default", 1, seconds=0)


def test_worker_that_comes_too_late_changes_nothing(caplog):
    message()
    first = Batch.claim("default", 10)
    make_due()
    second = queue.claim("default", 10, seconds=60)

    (mine,) = first.sendable()
    first.sent(mine, "")
    first.settle()

    stored = Message.objects.get()
    assert (stored.status, stored.lease) == ("sending", second[0].lease)
    assert "their recipients may get them twice" in caplog.text


def test_lease_is_renewed(settings):
    message()
    held = Batch.claim("default", 10)
    before = Message.objects.get().not_before
    expires = held._expires

    held.extend()

    assert Message.objects.get().not_before > before
    assert held._expires > expires


def test_lease_of_which_others_have_taken_is_lost_for_good():
    for _ in range(2):
        message()
    held = Batch.claim("default", 10)
    make_due(pk=Message.objects.first().pk)
    queue.claim("default", 10, seconds=60)

    held.extend()
    held.extend()

    assert not held.is_held


def test_settled_messages_do_not_count_as_taken():
    for _ in range(2):
        message()
    held = Batch.claim("default", 10)
    held.sent(next(held.sendable()), "")
    held.settle()

    held.extend()

    assert held.is_held


@pytest.fixture(params=[True, False], ids=["skip locked", "compare and set"])
def both_ways(request, monkeypatch):
    name = "has_select_for_update_skip_locked"
    if request.param and not getattr(connection.features, name):
        pytest.skip("the database cannot skip locked rows")
    monkeypatch.setattr(connection.features, name, request.param)


def test_no_message_is_claimed_twice(both_ways):
    for _ in range(5):
        message()

    first = queue.claim("default", 3, seconds=60)
    second = queue.claim("default", 3, seconds=60)

    assert [len(first), len(second)] == [3, 2]
    assert not {m.pk for m in first} & {m.pk for m in second}
    assert queue.claim("default", 3, seconds=60) == []


def test_next_due_moment_is_known():
    assert queue.seconds_until_due("default") is None
    message(not_before=timezone.now() + timedelta(hours=1))

    assert 3500 < queue.seconds_until_due("default") <= 3600
    message()

    assert queue.seconds_until_due("default") == 0


def test_batches_grow_with_the_speed_of_the_provider(sms_outbox, monkeypatch):
    monkeypatch.setattr(worker, "FIRST_BATCH", 1)
    for _ in range(5):
        message()
    sizes = []

    Worker("default", on_progress=lambda tally: sizes.append(tally.total())).drain()

    assert sizes[0] == 1
    assert sizes[1] > 1


def test_outcomes_are_written_together(
    sms_outbox, monkeypatch, django_assert_num_queries
):
    monkeypatch.setattr(batch, "SETTLE_SECONDS", 60)
    for _ in range(9):
        message()

    # Choose, take, read, settle; and one that finds nothing, each with a savepoint.
    with django_assert_num_queries(4 + 2 + 1 + 2):
        deliver()


@pytest.mark.skipif("connection.vendor == 'sqlite'", reason="of MySQL's optimizer")
def test_claiming_reads_by_the_index_of_what_is_due():
    for _ in range(20):
        message()

    with connection.cursor() as cursor:
        cursor.execute(
            "EXPLAIN SELECT id FROM core_messaging_message WHERE not_before <= "
            "UTC_TIMESTAMP(6) ORDER BY not_before, id LIMIT 10 FOR UPDATE SKIP LOCKED"
        )
        row = dict(
            zip([c[0] for c in cursor.description], cursor.fetchone(), strict=True)
        )

    assert row["key"] == "message_due"
    assert "filesort" not in (row["Extra"] or "")

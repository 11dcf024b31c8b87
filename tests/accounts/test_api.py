import hmac
import json
import time
from hashlib import sha256

import pytest
from django.test import Client

from accounts.models import Order, Payment
from accounts.orders import cancel_order, expire_orders
from tests.factories import make_order

pytestmark = pytest.mark.django_db

URL = "/api/payments"


@pytest.fixture(autouse=True)
def secret(settings):
    settings.PAYMENT_SECRET = "shared with the provider"


@pytest.fixture
def order():
    return make_order()


def notice_of(order, /, **overrides):
    values = {"order": str(order.number), "payment": "p1", "amount_fen": 9900}
    return values | overrides


def call(notice, *, timestamp=None, signature=None, secret="shared with the provider"):
    """Send a callback as a provider does; its own signing, not the site's."""
    body = notice if isinstance(notice, bytes) else json.dumps(notice).encode()
    timestamp = str(int(time.time())) if timestamp is None else timestamp
    if signature is None:
        signed = timestamp.encode() + b"." + body
        signature = hmac.new(secret.encode(), signed, sha256).hexdigest()
    headers = {"X-Timestamp": timestamp, "X-Signature": signature}
    # Without a CSRF token, like any program.
    client = Client(enforce_csrf_checks=True)
    return client.post(URL, body, content_type="application/json", headers=headers)


def is_open(order):
    return Order.objects.get(pk=order.pk).is_open


def test_payment_is_applied(order):
    response = call(notice_of(order))

    assert response.status_code == 200
    assert response.json() == {
        "code": 100,
        "msg": "Success",
        "result": {"order": str(order.number), "payment": "p1", "applied": True},
    }
    assert Order.objects.get().status == Order.Status.PAID


def test_replay_gives_the_same_answer_and_does_nothing(order):
    first = call(notice_of(order))
    until = Order.objects.get().user.member_until

    again = call(notice_of(order))

    assert (again.status_code, again.content) == (first.status_code, first.content)
    assert Order.objects.get().user.member_until == until
    assert Payment.objects.count() == 1


def test_replay_gives_the_same_answer_after_a_refund(order):
    cancel_order(order)
    first = call(notice_of(order))
    Payment.objects.update(outcome=Payment.Outcome.REFUNDED)

    assert call(notice_of(order)).content == first.content


@pytest.mark.parametrize("close", [cancel_order, lambda order: expire_orders()])
def test_payment_that_comes_too_late_is_taken_note_of(order, close):
    Order.objects.update(pay_before=order.placed_at)
    close(order)
    status = Order.objects.get().status

    response = call(notice_of(order))

    assert response.json()["result"]["applied"] is False
    assert Order.objects.get().status == status
    assert Payment.objects.get().outcome == Payment.Outcome.REFUND_DUE


def assert_refused(response, status, sentence):
    assert response.status_code == status
    assert response.json()["code"] == status
    assert sentence in response.json()["msg"]
    assert not Payment.objects.exists()


@pytest.mark.parametrize("signature", ["", "0" * 64, "é", "x" * 10_000])
def test_forged_signature_is_refused(order, signature):
    response = call(notice_of(order), signature=signature)

    assert_refused(response, 403, "signature is wrong")
    assert is_open(order)


def test_signature_of_another_secret_body_or_time_is_refused(order):
    assert_refused(call(notice_of(order), secret="guessed"), 403, "signature")
    timestamp = str(int(time.time()))
    body = json.dumps(notice_of(order)).encode()
    signed = hmac.new(b"shared with the provider", b"1." + body, sha256).hexdigest()
    response = call(notice_of(order), timestamp=timestamp, signature=signed)
    assert_refused(response, 403, "signature")


@pytest.mark.parametrize("seconds", [-3600, 3600])
def test_callback_of_another_hour_is_refused(order, seconds):
    response = call(notice_of(order), timestamp=str(int(time.time()) + seconds))

    assert_refused(response, 403, "expected the time now")
    assert is_open(order)


@pytest.mark.parametrize("timestamp", ["", "now", "1e9", "-1", "٣", "9" * 5000])
def test_timestamp_that_is_no_number_is_refused(order, timestamp):
    status = call(notice_of(order), timestamp=timestamp).status_code

    assert status == 403
    assert is_open(order)


@pytest.mark.parametrize("amount", [1, 9899, 9901, 990000])
def test_wrong_amount_is_refused(order, amount):
    response = call(notice_of(order, amount_fen=amount))

    assert_refused(response, 409, f"{amount} fen: expected 9900")
    assert is_open(order)


def test_payment_of_another_order_is_refused(order):
    other = make_order(plan=order.plan)
    call(notice_of(other))

    response = call(notice_of(order))

    assert response.status_code == 409
    assert is_open(order)


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (b"", "not a JSON object"),
        (b"[]", "not a JSON object"),
        (b"\xff", "not a JSON object"),
        ({}, "order: This field is required."),
        ({"order": "1"}, "order: Enter a valid UUID."),
        ({"amount_fen": -1}, "amount_fen"),
        ({"amount_fen": "99.5"}, "amount_fen"),
        ({"amount_fen": True}, "amount_fen"),
        ({"amount_fen": 10**30}, "amount_fen"),
        ({"payment": ""}, "payment"),
        ({"payment": "p" * 65}, "payment"),
        ({"payment": "p\0"}, "payment"),
        ({"payment": ["p"], "amount_fen": {}}, "amount_fen"),
    ],
    ids=str,
)
def test_body_that_is_wrong_is_refused_in_words(order, body, sentence):
    if isinstance(body, dict) and body:
        body = notice_of(order, **body)

    assert_refused(call(body), 400, sentence)
    assert is_open(order)


def test_unknown_order_is_refused():
    notice = {"order": "0" * 32, "payment": "p", "amount_fen": 1}

    assert_refused(call(notice), 404, "no such order")


def test_megabytes_are_refused(order):
    response = call(b"[" * 10_000_000)

    assert response.status_code == 400
    assert response.json()["code"] == 400


def test_without_a_secret_nothing_is_believed(order, settings):
    settings.PAYMENT_SECRET = ""

    assert_refused(call(notice_of(order), secret=""), 503, "not set up")
    assert is_open(order)


def test_callback_takes_a_post():
    response = Client().get(URL)

    assert response.status_code == 405
    assert response.json()["code"] == 405


def test_refusals_are_logged_without_the_signature(order, caplog):
    call(notice_of(order), signature="secret signature")

    assert "payment callback: 403" in caplog.text
    assert "secret signature" not in caplog.text

import uuid
from datetime import timedelta

import pytest
from django.db import transaction
from django.utils import timezone

from accounts.models import Order, Payment, User
from accounts.orders import (
    TIME_TO_PAY,
    PaymentRefused,
    cancel_order,
    expire_orders,
    place_order,
    receive_payment,
)
from accounts.signals import (
    order_cancelled,
    order_expired,
    order_paid,
    order_placed,
)
from core.messaging.models import Message
from tests.factories import make_order, make_plan, make_user

pytestmark = pytest.mark.django_db

Status = Order.Status
SIGNALS = {
    "placed": order_placed,
    "paid": order_paid,
    "cancelled": order_cancelled,
    "expired": order_expired,
}


@pytest.fixture
def told():
    """The signals that were sent: ``[("paid", <Order>)]``."""
    sent = []
    receivers = {}
    for name, signal in SIGNALS.items():

        def receive(*, order, name=name, **kwargs):
            sent.append((name, order))

        receivers[name] = receive
        signal.connect(receive)
    yield sent
    for name, signal in SIGNALS.items():
        signal.disconnect(receivers[name])


def place(**overrides):
    user = overrides.get("user") or make_user(email="reader@example.com")
    Message.objects.all().delete()
    plan = overrides.get("plan") or make_plan()
    return place_order(user, plan, token=overrides.get("token", uuid.uuid4()))


def pay(order, reference="p1", amount_fen=None):
    amount_fen = amount_fen or order.amount_fen
    return receive_payment(order, reference=reference, amount_fen=amount_fen)


def let_pass(order):
    """Put an order into the past, beyond its time to pay."""
    order.pay_before = timezone.now() - timedelta(seconds=1)
    order.save(update_fields=["pay_before"])


def in_database(order):
    return Order.objects.get(pk=order.pk)


def days_of(user):
    until = User.objects.get(pk=user.pk).member_until
    return until and round((until - timezone.now()) / timedelta(days=1))


def reminders(status):
    return list(
        Message.objects.filter(template__startswith="order_", status=status)
        .order_by("pk")
        .values_list("template", flat=True)
    )


def test_order_keeps_what_the_plan_was(told):
    plan = make_plan(days=30, price_fen=9900)

    order = place(plan=plan)
    plan.price_fen = 1
    plan.save()

    assert (in_database(order).amount_fen, order.days) == (9900, 30)
    assert order.pay_before - order.placed_at == TIME_TO_PAY
    assert told == [("placed", order)]


def test_same_token_gives_the_same_order(told):
    token = uuid.uuid4()

    first = place(token=token)
    again = place_order(first.user, first.plan, token=token)

    assert again == first
    assert told == [("placed", first)]
    assert len(reminders("queued")) == 2


def test_another_users_token_is_of_no_account():
    token = uuid.uuid4()

    assert place(token=token) != place(token=token, user=make_user())


def test_reminders_are_for_now_and_for_shortly_before_the_end():
    order = place()

    at_once, later = Message.objects.order_by("pk")

    assert (at_once.template, later.template) == ("order_placed", "order_unpaid")
    assert at_once.not_before <= timezone.now()
    assert order.placed_at < later.not_before == order.remind_at < order.pay_before
    assert "¥99.00" in at_once.body
    assert str(order.number) in later.body


@pytest.mark.parametrize("email", ["", "malformed"])
def test_user_without_address_is_not_reminded(email):
    place(user=make_user(email=email))

    assert not Message.objects.exists()


def test_what_is_rolled_back_reminds_of_nothing():
    user, plan = make_user(email="reader@example.com"), make_plan()

    with transaction.atomic():
        place_order(user, plan, token=uuid.uuid4())
        transaction.set_rollback(True)

    assert not Order.objects.exists()
    assert reminders("queued") == []


def test_cancelling_withdraws_the_reminders(told):
    order = place()

    assert cancel_order(order)

    assert in_database(order).status == Status.CANCELLED
    assert reminders("queued") == []
    assert told[1:] == [("cancelled", order)]


def test_cancelling_again_changes_nothing(told):
    order = place()
    cancel_order(order)

    assert not cancel_order(in_database(order))
    assert len(told) == 2


def test_payment_extends_the_membership_and_withdraws_the_reminders(told):
    order = place()

    payment = pay(order)

    assert payment.is_applied
    assert in_database(order).status == Status.PAID
    assert days_of(order.user) == 30
    assert reminders("queued") == []
    assert told[1:] == [("paid", order)]


def test_memberships_follow_each_other():
    first = place()
    second = place(user=first.user)

    pay(first, "p1")
    pay(second, "p2")

    assert days_of(first.user) == 60


def test_membership_that_has_ended_begins_anew():
    order = place()
    pay(order)
    membership = order.user.membership
    membership.until = timezone.now() - timedelta(days=100)
    membership.save()

    pay(place(user=order.user), "p2")

    assert days_of(order.user) == 30


def test_saving_a_user_read_before_the_payment_does_not_undo_it():
    order = place()
    read_before = User.objects.get(pk=order.user_id)

    pay(order)
    read_before.save()

    assert days_of(order.user) == 30


def test_same_payment_again_changes_nothing(told):
    order = place()

    first, again = pay(order), pay(in_database(order))

    assert first == again
    assert again.is_applied
    assert days_of(order.user) == 30
    assert len(told) == 2


def test_second_payment_of_an_order_is_to_be_refunded():
    order = place()

    pay(order, "p1")
    second = pay(in_database(order), "p2")

    assert second.outcome == Payment.Outcome.REFUND_DUE
    assert days_of(order.user) == 30


def test_references_that_differ_in_case_are_two_payments():
    order = place()

    assert pay(order, "abc") != pay(order, "ABC")


@pytest.mark.parametrize("close", [cancel_order, lambda order: expire_orders()])
def test_payment_that_comes_too_late_is_to_be_refunded(close, told):
    order = place()
    let_pass(order)
    close(order)
    status = in_database(order).status

    payment = pay(in_database(order))

    assert payment.outcome == Payment.Outcome.REFUND_DUE
    assert in_database(order).status == status != Status.PAID
    assert days_of(order.user) is None
    assert "paid" not in dict(told)


def test_payment_after_its_time_counts_until_the_order_is_closed():
    order = place()
    let_pass(order)

    assert pay(order).is_applied


def test_wrong_amount_is_refused_and_nothing_is_noted():
    order = place()

    with pytest.raises(PaymentRefused, match="1 fen: expected 9900"):
        pay(order, amount_fen=1)

    assert in_database(order).is_open
    assert not Payment.objects.exists()


def test_payment_of_another_order_is_refused():
    paid, open_order = place(), place()
    pay(paid, "p1")

    with pytest.raises(PaymentRefused, match="another order"):
        pay(open_order, "p1")

    assert in_database(open_order).is_open
    assert days_of(open_order.user) is None


def test_only_orders_whose_time_is_over_expire(told):
    overdue, waiting = place(), place()
    let_pass(overdue)

    assert expire_orders() == 1
    assert expire_orders() == 0

    assert in_database(overdue).status == Status.EXPIRED
    assert in_database(waiting).is_open
    assert told[2:] == [("expired", overdue)]


def test_expiry_withdraws_the_reminders():
    let_pass(place())

    expire_orders()

    assert reminders("cancelled") == ["order_placed", "order_unpaid"]


def test_paid_and_cancelled_orders_do_not_expire():
    paid, cancelled = place(), place()
    pay(paid)
    cancel_order(cancelled)
    for order in (paid, cancelled):
        let_pass(order)

    assert expire_orders() == 0


def test_many_orders_expire_in_bounded_steps(monkeypatch):
    monkeypatch.setattr("accounts.orders.EXPIRED_AT_ONCE", 2)
    user, plan = make_user(), make_plan()
    for _ in range(5):
        let_pass(make_order(user=user, plan=plan))

    assert expire_orders() == 5


def test_failing_receiver_undoes_the_change():
    order = place()

    def fail(**kwargs):
        raise RuntimeError

    order_paid.connect(fail)
    with pytest.raises(RuntimeError):
        pay(order)
    order_paid.disconnect(fail)

    assert in_database(order).is_open
    assert not Payment.objects.exists()
    assert days_of(order.user) is None

"""Rivals for the same orders, in real processes, at the same moment."""

import multiprocessing
import uuid
from datetime import timedelta

import pytest
from django.db import IntegrityError
from django.utils import timezone

from accounts import orders
from accounts.models import Membership, Order, Payment
from core.messaging.models import Message
from tests.core.caching.processes import run
from tests.factories import make_order, make_plan, make_user

pytestmark = pytest.mark.django_db(transaction=True)

fork = multiprocessing.get_context("fork")
ROUNDS = 30
Status = Order.Status


def race(rounds, *rivals):
    """Let rivals act on each item of ``rounds`` at once; all must end in order."""
    start = fork.Barrier(len(rivals))

    def runner(rival):
        def act():
            for item in rounds:
                start.wait(20)
                rival(item)

        return act

    assert run(*map(runner, rivals), timeout=60) == [0] * len(rivals)


def overdue_orders(number=ROUNDS):
    plan = make_plan(days=30)
    ago = timezone.now() - timedelta(seconds=1)
    return [make_order(plan=plan, pay_before=ago).pk for _ in range(number)]


def paying(reference):
    def pay(pk):
        order = Order.objects.get(pk=pk)
        orders.receive_payment(
            order, reference=f"{reference}-{pk}", amount_fen=order.amount_fen
        )

    return pay


def expire(pk):
    orders.expire_orders()


def cancel(pk):
    orders.cancel_order(Order.objects.get(pk=pk))


def is_legal(pk):
    """Tell whether status, payments and membership of an order agree."""
    order = Order.objects.get(pk=pk)
    applied = order.payments.filter(outcome=Payment.Outcome.APPLIED).count()
    until = order.user.member_until
    days = round((until - timezone.now()) / timedelta(days=1)) if until else 0
    is_paid = order.status == Status.PAID
    return (applied, days) == ((1, 30) if is_paid else (0, 0)) and not order.is_open


@pytest.mark.parametrize(
    "rivals",
    [(paying("a"), paying("b")), (paying("a"), expire), (paying("a"), cancel, expire)],
    ids=["two payments", "payment and expiry", "payment, cancellation and expiry"],
)
def test_rivals_end_in_one_legal_state(rivals):
    pks = overdue_orders()

    race(pks, *rivals)

    assert [pk for pk in pks if not is_legal(pk)] == []


def close_naively(pk, status):
    """Read, look, write: what a form or a view usually does."""
    order = Order.objects.get(pk=pk)
    if not order.is_open:
        return
    order.status, order.closed_at = status, timezone.now()
    order.save()
    if status == Status.PAID:
        order.payments.create(
            reference=str(uuid.uuid4()), amount_fen=1, outcome=Payment.Outcome.APPLIED
        )
        until = timezone.now() + timedelta(days=30)
        Membership.objects.update_or_create(user=order.user, defaults={"until": until})


def pay_naively(pk):
    close_naively(pk, Status.PAID)


def expire_naively(pk):
    close_naively(pk, Status.EXPIRED)


@pytest.mark.parametrize("rival", [pay_naively, expire_naively])
def test_reading_and_saving_ends_in_illegal_states(rival):
    pks = overdue_orders(3 * ROUNDS)

    race(pks, pay_naively, rival)

    assert [pk for pk in pks if not is_legal(pk)]


def test_same_callback_twice_at_once_is_one_payment():
    pks = overdue_orders()

    race(pks, paying("a"), paying("a"))

    assert [pk for pk in pks if not is_legal(pk)] == []
    assert Payment.objects.count() == ROUNDS


def test_orders_of_one_user_paid_at_once_all_extend_his_membership():
    user, plan = make_user(), make_plan(days=10)
    pairs = [
        [make_order(user=user, plan=plan).pk for _ in range(2)] for _ in range(ROUNDS)
    ]
    pay = paying("a")

    race(pairs, lambda pair: pay(pair[0]), lambda pair: pay(pair[1]))

    gained = user.member_until - timezone.now()
    assert round(gained / timedelta(days=1)) == 2 * ROUNDS * 10


def test_form_sent_twice_at_once_places_one_order():
    user, plan = make_user(email="reader@example.com"), make_plan()
    Message.objects.all().delete()

    def place(token):
        orders.place_order(user, plan, token=token)

    race([uuid.uuid4() for _ in range(ROUNDS)], place, place)

    assert Order.objects.count() == ROUNDS
    assert Message.objects.count() == 2 * ROUNDS


def test_looking_before_placing_fails_for_some():
    user, plan = make_user(), make_plan()
    failed = fork.Value("i")

    def place(token):
        if Order.objects.filter(user=user, token=token).exists():
            return
        try:
            make_order(user=user, plan=plan, token=token)
        except IntegrityError:
            failed.value += 1

    race([uuid.uuid4() for _ in range(3 * ROUNDS)], place, place)

    assert failed.value

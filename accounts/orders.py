"""What can happen to an order, and the only place where its status changes.

An order is placed once and closed once. Each closing is a compare-and-set, ``UPDATE …
SET status = new WHERE status = 'placed'``: the row lock puts rivals (two callbacks, a
callback and an expiry, a click on "cancel") into a sequence, and all but the first
match no row. What belongs to a change is in its transaction.
"""

from datetime import timedelta
from uuid import UUID

from django.db import transaction
from django.dispatch import Signal
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import Membership, Order, Payment, Plan, User
from accounts.signals import (
    order_cancelled,
    order_expired,
    order_paid,
    order_placed,
)

TIME_TO_PAY = timedelta(hours=24)
EXPIRED_AT_ONCE = 100

Status = Order.Status


class PaymentRefused(Exception):
    """A payment is not for this order; nothing was changed. Says why."""


@transaction.atomic
def place_order(user: User, plan: Plan, *, token: UUID) -> Order:
    """Place an order; with a token used before, give the order placed then."""
    now = timezone.now()
    order, is_new = Order.objects.get_or_create(
        user=user,
        token=token,
        defaults={
            "plan": plan,
            "days": plan.days,
            "amount_fen": plan.price_fen,
            "placed_at": now,
            "pay_before": now + TIME_TO_PAY,
        },
    )
    if is_new:
        order_placed.send(sender=Order, order=order)
    return order


def cancel_order(order: Order) -> bool:
    """Cancel an order; False if it was closed already."""
    return _end_unpaid(order, Status.CANCELLED, order_cancelled)


@transaction.atomic
def receive_payment(order: Order, *, reference: str, amount_fen: int) -> Payment:
    """Note a payment, once per reference; extend the membership if it is in time.

    Money for an order that is closed already, be it paid, cancelled or expired, is
    noted as to be refunded. An order whose time is over but that ``expire_orders``
    has not closed yet is still open. Raises PaymentRefused.
    """
    if amount_fen != order.amount_fen:
        raise PaymentRefused(
            _("The amount is %(found)d fen: expected %(expected)d.")
            % {"found": amount_fen, "expected": order.amount_fen}
        )
    is_in_time = _close(order, Status.PAID)
    outcome = Payment.Outcome.APPLIED if is_in_time else Payment.Outcome.REFUND_DUE
    payment, _is_new = Payment.objects.get_or_create(
        reference=reference,
        defaults={"order": order, "amount_fen": amount_fen, "outcome": outcome},
    )
    if payment.order_id != order.pk:
        # Raised in the transaction, so that this order stays as it was.
        raise PaymentRefused(
            _("The payment %(reference)s is for another order.")
            % {"reference": reference}
        )
    if is_in_time:
        _extend_membership(order)
        order_paid.send(sender=Order, order=order)
    return payment


def expire_orders() -> int:
    """Close the orders that were not paid in time; give how many.

    Each in a transaction of its own: stopped half-way, it has done half, and two at
    once share the work.
    """
    expired = 0
    overdue = Order.objects.overdue().select_related("user", "plan")
    while orders := overdue.order_by("pay_before")[:EXPIRED_AT_ONCE]:
        expired += sum(
            _end_unpaid(order, Status.EXPIRED, order_expired) for order in orders
        )
    return expired


@transaction.atomic
def _end_unpaid(order: Order, status: Order.Status, announcement: Signal) -> bool:
    if not _close(order, status):
        return False
    announcement.send(sender=Order, order=order)
    return True


def _close(order: Order, status: Order.Status) -> bool:
    now = timezone.now()
    was_open = Order.objects.open().filter(pk=order.pk)
    if not was_open.update(status=status, closed_at=now):
        return False
    order.status, order.closed_at = status, now
    return True


def _extend_membership(order: Order) -> None:
    # Two orders of one user may be paid at once: each adds to what the other left.
    User.objects.select_for_update().get(pk=order.user_id)
    now = timezone.now()
    membership, _is_new = Membership.objects.select_for_update().get_or_create(
        user_id=order.user_id, defaults={"until": now}
    )
    start = max(membership.until, now)
    membership.until = start + timedelta(days=order.days)
    membership.save(update_fields=["until"])

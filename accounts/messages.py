"""What the site tells its users by SMS and e-mail: who gets it, and when.

Every function enqueues in the caller's transaction, in the language in use.
"""

import logging
from collections.abc import Iterable, Iterator
from itertools import chain

from accounts.models import Order, User
from core.messaging import (
    InvalidMessage,
    cancel_messages,
    draft_email,
    draft_sms,
    send_email,
    send_many,
)
from core.messaging.models import Message

logger = logging.getLogger(__name__)


def welcome(users: Iterable[User]) -> None:
    """Once in the life of an account, by whatever it can be reached."""
    send_many(chain.from_iterable(_welcomes(user) for user in users))


def _welcomes(user: User) -> Iterator[Message]:
    context = {"username": user.username}
    key = f"welcome:{user.pk}"
    if user.phone:
        yield draft_sms(user.phone, "welcome", context, dedupe_key=f"{key}:sms")
    if not user.email:
        return
    try:
        yield draft_email(user.email, "welcome", context, dedupe_key=f"{key}:email")
    except InvalidMessage:
        # Code may store an address that no form would accept. That is no reason to
        # refuse the account.
        logger.warning("user %s has no valid e-mail address: no welcome", user.pk)


def reset_password(user: User, *, link: str) -> None:
    context = {"username": user.username, "link": link}
    send_email(user.email, "password_reset", context)


def remind_to_pay(order: Order) -> None:
    """At once, and again shortly before it is too late."""
    user = order.user
    if not user.email:
        return
    context = {
        "username": user.username,
        "plan": order.plan.name,
        "amount": order.amount,
        "number": str(order.number),
        "pay_before": order.pay_before,
    }
    first, last = _reminder_keys(order)
    send_email(user.email, "order_placed", context, dedupe_key=first)
    send_email(
        user.email,
        "order_unpaid",
        context,
        dedupe_key=last,
        not_before=order.remind_at,
    )


def withdraw_reminders(order: Order) -> None:
    for key in _reminder_keys(order):
        cancel_messages(dedupe_key=key)


def _reminder_keys(order: Order) -> tuple[str, str]:
    return f"order:{order.pk}:placed", f"order:{order.pk}:unpaid"

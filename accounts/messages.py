"""What the site tells its users by SMS and e-mail: who gets it, and when.

Every function enqueues in the caller's transaction, in the language in use.
"""

import logging
from collections.abc import Iterable
from typing import Any

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
    drafts = []
    for user in users:
        context = {"username": user.username}
        key = f"welcome:{user.pk}"
        drafts += _sms(user, "welcome", context, dedupe_key=f"{key}:sms")
        drafts += _email(user, "welcome", context, dedupe_key=f"{key}:email")
    send_many(drafts)


def reset_password(user: User, *, link: str) -> None:
    context = {"username": user.username, "link": link}
    send_email(user.email, "password_reset", context)


def remind_to_pay(order: Order) -> None:
    """At once, and again shortly before it is too late."""
    user = order.user
    context = {
        "username": user.username,
        "plan": order.plan.name,
        "amount": order.amount,
        "number": str(order.number),
        "pay_before": order.pay_before,
    }
    first, last = _reminder_keys(order)
    later = {"dedupe_key": last, "not_before": order.remind_at}
    drafts = _email(user, "order_placed", context, dedupe_key=first)
    drafts += _email(user, "order_unpaid", context, **later)
    send_many(drafts)


def withdraw_reminders(order: Order) -> None:
    for key in _reminder_keys(order):
        cancel_messages(dedupe_key=key)


def _reminder_keys(order: Order) -> tuple[str, str]:
    return f"order:{order.pk}:placed", f"order:{order.pk}:unpaid"


def _sms(user: User, *arguments: Any, **details: Any) -> list[Message]:
    try:
        return [draft_sms(user.phone, *arguments, **details)] if user.phone else []
    except InvalidMessage:
        return _without_message(user, "phone")


def _email(user: User, *arguments: Any, **details: Any) -> list[Message]:
    try:
        return [draft_email(user.email, *arguments, **details)] if user.email else []
    except InvalidMessage:
        return _without_message(user, "e-mail address")


def _without_message(user: User, what: str) -> list[Message]:
    # Code may store what no form would accept: no reason to refuse an account or an
    # order.
    logger.warning("user %s is not written to: his %s is not valid", user.pk, what)
    return []

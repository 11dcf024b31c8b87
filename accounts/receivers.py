"""Reactions to what happens around accounts.

Who is told what is for ``accounts.messages`` to say.
"""

import logging

from django.db import transaction
from django.db.models.signals import post_save
from django.dispatch import Signal, receiver
from django.template import Template

from accounts import messages
from accounts.models import Order, User
from accounts.signals import (
    order_cancelled,
    order_expired,
    order_paid,
    order_placed,
)
from core.signals import table_imported, template_rendered

logger = logging.getLogger(__name__)

LOGIN_TEMPLATE = "login.html"
CLOSED: list[Signal] = [order_paid, order_cancelled, order_expired]
WELCOMED_AT_ONCE = 500


@receiver(post_save, sender=User, dispatch_uid="accounts.user_created")
def user_created(
    *, instance: User, created: bool, raw: bool = False, **kwargs: object
) -> None:
    # A fixture brings back accounts that were welcomed long ago.
    if created and not raw:
        messages.welcome([instance])


@receiver(table_imported, sender=User, dispatch_uid="accounts.users_imported")
def users_imported(**kwargs: object) -> None:
    while _welcome_some():
        pass


@receiver(order_placed, sender=Order, dispatch_uid="accounts.order_placed")
def remind(*, order: Order, **kwargs: object) -> None:
    messages.remind_to_pay(order)


@receiver(CLOSED, sender=Order, dispatch_uid="accounts.order_closed")
def stop_reminding(*, order: Order, **kwargs: object) -> None:
    messages.withdraw_reminders(order)


@receiver(template_rendered, dispatch_uid="accounts.login_page_rendered")
def login_page_rendered(*, template: Template, **kwargs: object) -> None:
    """Log each showing of a login page, the administration's or the site's."""
    name = template.name or ""
    if name.rpartition("/")[2] == LOGIN_TEMPLATE:
        logger.info("login page rendered: %s", name)


@transaction.atomic
def _welcome_some() -> bool:
    """Welcome a batch of imported users; False if nobody waits for it.

    Of two processes, one waits for the other's row locks and then finds nobody due.
    """
    due = User.objects.select_for_update().filter(is_welcome_due=True)
    users = list(due.order_by("pk")[:WELCOMED_AT_ONCE])
    messages.welcome(users)
    welcomed = User.objects.filter(pk__in=[user.pk for user in users])
    welcomed.update(is_welcome_due=False)
    return bool(users)

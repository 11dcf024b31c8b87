import uuid
from datetime import datetime
from typing import Any, Self

from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import AbstractUser
from django.core.validators import MinValueValidator, RegexValidator
from django.db import models, router, transaction
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from core.messaging.fields import ExactCharField


class Department(models.Model):
    name = models.CharField(_("name"), max_length=100, unique=True)

    class Meta:
        verbose_name = _("department")
        verbose_name_plural = _("departments")
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class User(AbstractUser):
    phone = models.CharField(
        _("phone"),
        max_length=16,
        unique=True,
        null=True,
        blank=True,
        validators=[
            RegexValidator(
                r"\A\+[1-9][0-9]{6,14}\Z",
                _("Enter an international number such as +8613800138000."),
            )
        ],
        help_text=_("In international form, for example +8613800138000."),
    )
    department = models.ForeignKey(
        Department,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="users",
        verbose_name=_("department"),
    )
    # Only imports set it: they send no post_save.
    is_welcome_due = models.BooleanField(
        _("waits for the welcome messages"), default=False, editable=False
    )

    class Meta(AbstractUser.Meta):
        constraints = [
            models.CheckConstraint(
                name="user_phone_is_international",
                condition=Q(phone__isnull=True) | Q(phone__startswith="+"),
            )
        ]
        indexes = [
            models.Index(fields=["is_welcome_due", "id"], name="user_welcome_due")
        ]

    class Importing:
        # A workbook makes accounts and never rights, and holds no passwords.
        exclude = {
            "password",
            "last_login",
            "is_staff",
            "is_superuser",
            "groups",
            "user_permissions",
            "is_welcome_due",
        }
        values = {
            "password": lambda: make_password(None),
            "is_welcome_due": lambda: True,
        }

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self._state.adding:
            return super().save(*args, **kwargs)
        # The welcome messages, enqueued on post_save, are of the same transaction.
        using = kwargs.get("using") or router.db_for_write(type(self), instance=self)
        with transaction.atomic(using=using):
            super().save(*args, **kwargs)

    @property
    def member_until(self) -> datetime | None:
        membership: Membership | None = getattr(self, "membership", None)
        return membership.until if membership else None

    @property
    def is_member(self) -> bool:
        return self.member_until is not None and timezone.now() < self.member_until


class Membership(models.Model):
    """Until when a user is a member.

    Not a column of the user, so that saving a user read earlier, as forms do, cannot
    undo a payment that came in meanwhile.
    """

    user = models.OneToOneField(
        User,
        on_delete=models.CASCADE,
        related_name="membership",
        verbose_name=_("user"),
    )
    until = models.DateTimeField(_("until"))

    class Meta:
        verbose_name = _("membership")
        verbose_name_plural = _("memberships")

    def __str__(self) -> str:
        return f"{self.user_id}: {self.until}"


class AttemptCount(models.Model):
    """How many times something was tried since ``until - throttle.WINDOW``."""

    key = models.CharField(_("key"), max_length=64, primary_key=True)
    count = models.PositiveIntegerField(_("count"))
    until = models.DateTimeField(_("until"), db_index=True)

    class Meta:
        verbose_name = _("count of attempts")
        verbose_name_plural = _("counts of attempts")

    def __str__(self) -> str:
        return f"{self.count} until {self.until}"


def in_yuan(fen: int) -> str:
    return f"¥{fen // 100}.{fen % 100:02}"


class PlanQuerySet(models.QuerySet["Plan"]):
    def offered(self) -> Self:
        return self.filter(is_offered=True)


class Plan(models.Model):
    """A membership that can be ordered."""

    name = models.CharField(_("name"), max_length=100, unique=True)
    days = models.PositiveSmallIntegerField(
        _("days"), validators=[MinValueValidator(1)]
    )
    price_fen = models.PositiveIntegerField(
        _("price in fen"),
        validators=[MinValueValidator(1)],
        help_text=_("9900 is ¥99.00."),
    )
    is_offered = models.BooleanField(_("is offered"), default=True)
    position = models.PositiveSmallIntegerField(
        _("position"), default=0, help_text=_("Smaller numbers come first.")
    )

    objects = PlanQuerySet.as_manager()

    class Meta:
        verbose_name = _("plan")
        verbose_name_plural = _("plans")
        ordering = ["position", "pk"]
        constraints = [
            models.CheckConstraint(
                name="plan_has_days_and_price",
                condition=Q(days__gt=0, price_fen__gt=0),
            )
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def price(self) -> str:
        return in_yuan(self.price_fen)


class OrderQuerySet(models.QuerySet["Order"]):
    def open(self) -> Self:
        return self.filter(status=Order.Status.PLACED)

    def overdue(self) -> Self:
        return self.open().filter(pay_before__lte=timezone.now())


class Order(models.Model):
    """A membership that somebody wants to pay.

    ``accounts.orders`` alone changes the status, once: what is not open any more
    stays what it is.
    """

    class Status(models.TextChoices):
        PLACED = "placed", _("placed")
        PAID = "paid", _("paid")
        CANCELLED = "cancelled", _("cancelled")
        EXPIRED = "expired", _("expired")

    number = models.UUIDField(
        _("number"), default=uuid.uuid4, unique=True, editable=False
    )
    user = models.ForeignKey(
        User, on_delete=models.PROTECT, related_name="orders", verbose_name=_("user")
    )
    plan = models.ForeignKey(
        Plan, on_delete=models.PROTECT, related_name="orders", verbose_name=_("plan")
    )
    # Of the form that placed the order: sent twice, it places one.
    token = models.UUIDField(_("token"), editable=False)
    # As the plan was when the order was placed.
    days = models.PositiveSmallIntegerField(_("days"))
    amount_fen = models.PositiveIntegerField(_("amount in fen"))
    status = models.CharField(
        _("status"), max_length=10, choices=Status, default=Status.PLACED
    )
    placed_at = models.DateTimeField(_("placed at"), default=timezone.now)
    pay_before = models.DateTimeField(_("pay before"))
    closed_at = models.DateTimeField(
        _("closed at"),
        null=True,
        blank=True,
        help_text=_("When it was paid, cancelled or found expired."),
    )

    objects = OrderQuerySet.as_manager()

    class Meta:
        verbose_name = _("order")
        verbose_name_plural = _("orders")
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(fields=["user", "token"], name="order_once"),
            models.CheckConstraint(
                name="order_is_placed_until_closed",
                condition=Q(status="placed", closed_at__isnull=True)
                | Q(
                    status__in=["paid", "cancelled", "expired"],
                    closed_at__isnull=False,
                ),
            ),
        ]
        indexes = [
            models.Index(fields=["status", "pay_before"], name="order_overdue"),
        ]

    def __str__(self) -> str:
        return str(self.number)

    def get_absolute_url(self) -> str:
        return reverse("accounts:order", args=[self.number])

    @property
    def amount(self) -> str:
        return in_yuan(self.amount_fen)

    @property
    def is_open(self) -> bool:
        return self.status == self.Status.PLACED

    @property
    def remind_at(self) -> datetime:
        """When to ask a second time: after three quarters of the time to pay."""
        return self.placed_at + (self.pay_before - self.placed_at) * 3 / 4


class Payment(models.Model):
    """Money that the payment provider has reported, once per reference of his."""

    class Outcome(models.TextChoices):
        APPLIED = "applied", _("applied")
        REFUND_DUE = "refund_due", _("to be refunded")
        REFUNDED = "refunded", _("refunded")

    reference = ExactCharField(_("reference"), max_length=64, unique=True)
    order = models.ForeignKey(
        Order,
        on_delete=models.PROTECT,
        related_name="payments",
        verbose_name=_("order"),
    )
    amount_fen = models.PositiveIntegerField(_("amount in fen"))
    outcome = models.CharField(_("outcome"), max_length=10, choices=Outcome)
    received_at = models.DateTimeField(_("received at"), default=timezone.now)

    class Meta:
        verbose_name = _("payment")
        verbose_name_plural = _("payments")
        ordering = ["-pk"]
        constraints = [
            models.CheckConstraint(
                name="payment_outcome_is_known",
                condition=Q(outcome__in=["applied", "refund_due", "refunded"]),
            )
        ]

    def __str__(self) -> str:
        return f"{self.reference}"

    @property
    def amount(self) -> str:
        return in_yuan(self.amount_fen)

    @property
    def is_applied(self) -> bool:
        return self.outcome == self.Outcome.APPLIED

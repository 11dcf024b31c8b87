import uuid

from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from core.messaging.clock import ServerNow
from core.messaging.fields import ExactCharField
from core.messaging.recipients import masked


class Message(models.Model):
    """One message to one recipient: outbox, log and inbox in one row.

    ``not_before`` is when a worker may take it: the moment the caller wished, the
    end of the pause after a failure, or, while a worker has it, the end of that
    worker's lease. It is NULL once there is nothing left to do.
    """

    class Channel(models.TextChoices):
        SMS = "sms", _("SMS")
        EMAIL = "email", _("e-mail")

    class Status(models.TextChoices):
        QUEUED = "queued", _("queued")
        SENDING = "sending", _("being sent")
        SENT = "sent", _("sent")
        DEAD = "dead", _("given up")
        CANCELLED = "cancelled", _("cancelled")

    uuid = models.UUIDField(
        _("id"),
        default=uuid.uuid4,
        unique=True,
        editable=False,
        help_text=_("The provider gets it with every attempt, as idempotency key."),
    )
    channel = models.CharField(_("channel"), max_length=10, choices=Channel)
    to = ExactCharField(_("recipient"), max_length=320)
    template = models.CharField(_("template"), max_length=100)
    language = models.CharField(_("language"), max_length=20)
    context = models.JSONField(
        _("context"), default=dict, blank=True, encoder=DjangoJSONEncoder
    )
    subject = models.TextField(_("subject"), blank=True)
    body = models.TextField(_("text"))
    html = models.TextField(_("HTML"), blank=True)
    dedupe_key = ExactCharField(
        _("dedupe key"), max_length=200, unique=True, null=True, blank=True
    )

    status = models.CharField(
        _("status"), max_length=10, choices=Status, default=Status.QUEUED
    )
    attempts = models.PositiveIntegerField(_("attempts"), default=0)
    not_before = models.DateTimeField(
        _("not before"), null=True, blank=True, db_default=ServerNow()
    )
    lease = models.UUIDField(_("lease"), null=True, blank=True, editable=False)
    last_error = models.TextField(_("last error"), blank=True)
    provider_id = models.CharField(_("provider's id"), max_length=200, blank=True)
    created_at = models.DateTimeField(_("created at"), db_default=ServerNow())
    sent_at = models.DateTimeField(_("sent at"), null=True, blank=True)

    class Meta:
        verbose_name = _("message")
        verbose_name_plural = _("messages")
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["not_before"], name="message_due"),
            models.Index(fields=["created_at", "status"], name="message_by_day"),
            models.Index(fields=["to", "sent_at"], name="message_by_recipient"),
        ]
        constraints = [
            models.CheckConstraint(
                name="message_is_leased_while_sending",
                condition=Q(status="sending", lease__isnull=False)
                | (~Q(status="sending") & Q(lease__isnull=True)),
            ),
            models.CheckConstraint(
                name="message_is_due_until_settled",
                condition=Q(status__in=["queued", "sending"], not_before__isnull=False)
                | (~Q(status__in=["queued", "sending"]) & Q(not_before__isnull=True)),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.channel} {self.uuid}"

    @property
    def masked_to(self) -> str:
        return masked(self.to)

from django.db import models
from django.utils.translation import gettext_lazy as _


class UnhandledError(models.Model):
    """A fault in the code, counted each time it happens: a row per place it came from.

    Messages of exceptions and values of variables are left out: they may be personal.
    """

    NAME_LENGTH = 300
    PATH_LENGTH = 500

    fingerprint = models.CharField(_("fingerprint"), max_length=32, unique=True)
    exception = models.CharField(_("exception"), max_length=NAME_LENGTH)
    place = models.CharField(_("place"), max_length=NAME_LENGTH)
    frames = models.TextField(_("call stack"))
    times = models.PositiveBigIntegerField(_("times"), default=1)
    first_seen = models.DateTimeField(_("first seen"))
    last_seen = models.DateTimeField(_("last seen"), db_index=True)
    last_path = models.CharField(_("path of the last request"), max_length=PATH_LENGTH)
    last_request_id = models.CharField(_("number of the last request"), max_length=64)
    last_user_id = models.CharField(
        _("user of the last request"), max_length=64, blank=True
    )

    class Meta:
        verbose_name = _("unhandled error")
        verbose_name_plural = _("unhandled errors")
        ordering = ["-last_seen"]

    def __str__(self) -> str:
        return f"{self.exception}, {self.place}"

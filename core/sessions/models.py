from django.conf import settings
from django.contrib.sessions.base_session import AbstractBaseSession
from django.db import models
from django.utils.translation import gettext_lazy as _

from core.sessions.store import SessionStore
from core.sessions.visitors import LONGEST_AGENT, device_of


class Session(AbstractBaseSession):
    """A session as it is stored; ``session_key`` is the SHA-256 of the cookie."""

    session_key = models.CharField(_("session key"), max_length=64, primary_key=True)
    version = models.PositiveBigIntegerField(_("version"), default=1)
    # Without a constraint: checking it would lock the user's row at each save.
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        db_constraint=False,
        related_name="+",
        verbose_name=_("user"),
    )
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    last_seen = models.DateTimeField(_("last seen"))
    ip = models.GenericIPAddressField(_("IP address"), null=True, blank=True)
    user_agent = models.CharField(_("browser"), max_length=LONGEST_AGENT, blank=True)

    class Meta:
        verbose_name = _("session")
        verbose_name_plural = _("sessions")

    @classmethod
    def get_session_store_class(cls) -> type[SessionStore]:
        return SessionStore

    @property
    def device(self) -> str:
        """Name the browser and its system, as far as it has told."""
        return device_of(self.user_agent)

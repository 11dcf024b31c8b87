from django.apps import AppConfig
from django.core.signals import request_started
from django.utils.translation import gettext_lazy as _


class MessagingConfig(AppConfig):
    name = "core.messaging"
    label = "core_messaging"
    verbose_name = _("Messages")

    def ready(self) -> None:
        from core.messaging import checks  # noqa: F401 (registers them)
        from core.messaging.courier import LEFTOVERS, deliver_leftovers

        request_started.connect(deliver_leftovers, dispatch_uid=LEFTOVERS)

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class WebConfig(AppConfig):
    name = "core.web"
    label = "core_web"
    verbose_name = _("Operation")

    def ready(self) -> None:
        from core.web import receivers  # noqa: F401 (connects them)

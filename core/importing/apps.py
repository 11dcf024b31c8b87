from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ImportingConfig(AppConfig):
    name = "core.importing"
    label = "core_importing"
    verbose_name = _("imports")

    def ready(self) -> None:
        from core.importing import receivers  # noqa: F401

from django.apps import AppConfig


class WebConfig(AppConfig):
    name = "core.web"
    label = "core_web"

    def ready(self) -> None:
        from core.web import receivers  # noqa: F401 (connects them)

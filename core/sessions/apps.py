from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class SessionsConfig(AppConfig):
    name = "core.sessions"
    # Beside Django's own app, whose label is "sessions".
    label = "core_sessions"
    verbose_name = _("Sessions")

    def ready(self) -> None:
        from core.sessions import checks  # noqa: F401 (registers them)
        from core.sessions.copies import follow_changes
        from core.sessions.options import options

        options()  # A wrong setting stops the start.
        follow_changes()

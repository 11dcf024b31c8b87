from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register
from django.core.signing import JSONSerializer
from django.utils.module_loading import import_string

from core.sessions.middleware import SessionMiddleware

ENGINE = "core.sessions"


@register(Tags.security)
def check_serializer(**kwargs: Any) -> list[CheckMessage]:
    name = settings.SESSION_SERIALIZER
    if settings.SESSION_ENGINE != ENGINE:
        return []
    serializer = import_string(name)
    if isinstance(serializer, type) and issubclass(serializer, JSONSerializer):
        return []
    return [
        Error(
            f"SESSION_SERIALIZER is {name!r}, which does not write JSON.",
            hint="Use a subclass of django.core.signing.JSONSerializer: others may "
            "run code when they read.",
            id="core.sessions.E001",
        )
    ]


@register(Tags.security)
def check_middleware(**kwargs: Any) -> list[CheckMessage]:
    if settings.SESSION_ENGINE != ENGINE:
        return []
    for name in settings.MIDDLEWARE:
        middleware = import_string(name)
        if isinstance(middleware, type) and issubclass(middleware, SessionMiddleware):
            return []
    return [
        Warning(
            "MIDDLEWARE has no core.sessions.middleware.SessionMiddleware.",
            hint="Put it in the place of Django's: with that alone, sessions are not "
            "prolonged by reading, and have neither address nor browser.",
            id="core.sessions.W002",
        )
    ]

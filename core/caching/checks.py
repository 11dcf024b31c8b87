from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register
from django.db import DEFAULT_DB_ALIAS, connections, router

from core.caching.options import options
from core.caching.stores import is_in_redis
from core.caching.tracking import tracked_models
from core.db.hooks import CommitHooks


@register(Tags.caches)
def check_database(**kwargs: Any) -> list[CheckMessage]:
    connection = connections[DEFAULT_DB_ALIAS]
    if isinstance(connection, CommitHooks):
        return []
    engine = connection.settings_dict["ENGINE"]
    return [
        Error(
            f"The database engine {engine} does not tell of its commits.",
            hint="Use core.db.sqlite or core.db.mysql, or add CommitHooks to it.",
            id="core.caching.E001",
        )
    ]


@register(Tags.caches)
def check_models(**kwargs: Any) -> list[CheckMessage]:
    return [
        Error(
            f"{model._meta.label} is tracked for the cache, but lives in the database "
            f"{alias!r}.",
            hint=f"The cache follows the database {DEFAULT_DB_ALIAS!r} alone.",
            id="core.caching.E002",
        )
        for model in tracked_models()
        if (alias := router.db_for_write(model)) != DEFAULT_DB_ALIAS
    ]


@register(Tags.caches)
def check_redis(**kwargs: Any) -> list[CheckMessage]:
    if not is_in_redis():
        return []
    alias = options().alias
    location = settings.CACHES[alias]["LOCATION"]
    sharing = [
        name
        for name, cache in settings.CACHES.items()
        if name != alias and cache.get("LOCATION") == location
    ]
    return [
        Warning(
            f"The caches {alias!r} and {name!r} share one Redis database.",
            hint="Clearing one empties the other: give each a number of its own.",
            id="core.caching.W003",
        )
        for name in sharing
    ]

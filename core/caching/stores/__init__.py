from functools import lru_cache

from django.conf import settings
from django.core.signals import setting_changed

from core.caching.options import options
from core.caching.stores.base import Bypass, Entry, Flight, StampChange, StampStore

__all__ = ["Bypass", "Entry", "Flight", "StampChange", "StampStore", "current_store"]


@lru_cache(maxsize=1)
def current_store() -> StampStore:
    """Give this process's store: Redis if values are there, else the database."""
    if is_in_redis():
        from core.caching.stores.redis import RedisStore

        return RedisStore(settings.CACHES[options().alias])
    from core.caching.stores.database import DatabaseStore

    return DatabaseStore()


def is_in_redis() -> bool:
    if options().stamps != "auto":
        return options().stamps == "redis"
    backend = settings.CACHES[options().alias]["BACKEND"]
    return str(backend).startswith("django_redis.")


def forget_store(*, setting: str, **kwargs: object) -> None:
    if setting in {"COHERENT_CACHE", "CACHES"}:
        current_store.cache_clear()


setting_changed.connect(forget_store, dispatch_uid="core.caching.forget_store")

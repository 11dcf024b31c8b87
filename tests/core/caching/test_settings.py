"""Wrong settings are named; checks find what cannot work."""

import pytest
from django.core.exceptions import ImproperlyConfigured

from core.caching import tracking
from core.caching.checks import check_database, check_models, check_redis
from core.caching.options import options
from core.caching.stores import current_store
from core.caching.stores.database import DatabaseStore
from core.caching.stores.redis import RedisStore

REDIS = {"BACKEND": "django_redis.cache.RedisCache", "LOCATION": "redis://h:1/0"}
LOCAL = {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}


@pytest.fixture(autouse=True)
def fresh():
    yield
    options.cache_clear()
    current_store.cache_clear()


@pytest.fixture
def tracked():
    before = dict(tracking._tracked)
    yield
    tracking._tracked.clear()
    tracking._tracked.update(before)
    tracking.track()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            {"HOLDS": 1},
            "COHERENT_CACHE['HOLDS'] is 1: expected one of the names STAMPS",
        ),
        ({"HOLD": "10"}, "COHERENT_CACHE['HOLD'] is '10': expected a positive number"),
        ({"WAIT": 0}, "COHERENT_CACHE['WAIT'] is 0: expected a positive number"),
        ({"GUARD": True}, "COHERENT_CACHE['GUARD'] is True: expected a positive"),
        ({"STAMPS": "memcached"}, "is 'memcached': expected one of auto, redis, data"),
        ({"ALIAS": "pages"}, "is 'pages': expected a name in CACHES"),
    ],
)
def test_wrong_setting_is_named(settings, given, message):
    settings.COHERENT_CACHE = given

    with pytest.raises(ImproperlyConfigured) as refused:
        options()

    assert message in str(refused.value)


@pytest.mark.parametrize(
    ("cache", "stamps", "store"),
    [
        (LOCAL, "auto", DatabaseStore),
        (REDIS, "auto", RedisStore),
        (REDIS, "database", DatabaseStore),
    ],
)
def test_store_is_chosen_by_the_cache(settings, cache, stamps, store):
    settings.CACHES = {"default": cache}
    settings.COHERENT_CACHE = {"STAMPS": stamps}

    assert isinstance(current_store(), store)


def test_site_passes_its_checks():
    assert check_database() == check_models() == check_redis() == []


def test_database_without_hooks_is_found(monkeypatch):
    monkeypatch.setattr("core.caching.checks.CommitHooks", type("Other", (), {}))

    (error,) = check_database()

    assert error.id == "core.caching.E001"


def test_tracked_model_of_another_database_is_found(settings):
    class Elsewhere:
        def db_for_write(self, model, **hints):
            return "archive"

    settings.DATABASE_ROUTERS = [Elsewhere()]

    assert {error.id for error in check_models()} == {"core.caching.E002"}


def test_shared_redis_database_is_found(settings):
    settings.CACHES = {"default": REDIS, "sessions": REDIS}

    (warning,) = check_redis()

    assert "'default' and 'sessions' share one Redis database" in warning.msg


def test_unknown_field_of_a_tracked_model_is_named(tracked):
    tracking.track("articles.banner", only=["titel"])

    with pytest.raises(ImproperlyConfigured, match=r"only=\['titel'\]"):
        tracking.tables()

"""Ways of caching a row: what each needs of Django's settings, and how it reads."""

import json
import os

ADDRESS = json.loads(os.environ["BENCH_DATABASE"])
REDIS = os.environ["BENCH_REDIS"]
APPS = ["django.contrib.contenttypes", "tests.benchmarks"]
PLAIN = {"ENGINE": "django.db.backends.mysql", "CONN_MAX_AGE": None, **ADDRESS}
POOLED = {
    **ADDRESS,
    "ENGINE": "core.db.mysql",
    "OPTIONS": {**ADDRESS["OPTIONS"], "pool": {"maxconnections": 8}},
}
SETTINGS = {
    "naive": {},
    "on_commit": {},
    "cachalot": {"INSTALLED_APPS": [*APPS, "cachalot"]},
    "cacheops": {
        "INSTALLED_APPS": [*APPS, "cacheops"],
        "CACHEOPS_REDIS": REDIS,
        "CACHEOPS": {"benchmarks.*": {"ops": "all", "timeout": 300}},
    },
    "inkstone": {
        "INSTALLED_APPS": [*APPS, "core.db", "core.caching"],
        "DATABASES": {"default": POOLED},
    },
}


def set_up(contender: str):
    """Configure Django; give the function that reads a row's value through the cache."""
    from django.conf import settings

    if contender != "inkstone":
        import pymysql

        pymysql.install_as_MySQLdb()
    redis_cache = {"BACKEND": "django_redis.cache.RedisCache", "LOCATION": REDIS}
    usual = {"INSTALLED_APPS": APPS, "DATABASES": {"default": PLAIN}}
    settings.configure(
        CACHES={"default": redis_cache},
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        **{**usual, **SETTINGS[contender]},
    )
    import django

    django.setup()
    return {
        "naive": naive,
        "on_commit": on_commit,
        "cachalot": cachalot,
        "cacheops": cacheops,
        "inkstone": inkstone,
    }[contender]()


def naive():
    from django.core.cache import cache
    from django.db.models.signals import post_save

    from tests.benchmarks.models import Item

    def delete(*, instance, **kwargs):
        cache.delete(f"item:{instance.pk}")

    post_save.connect(delete, sender=Item, weak=False)
    return _read_aside


def on_commit():
    from django.core.cache import cache
    from django.db import transaction
    from django.db.models.signals import post_save

    from tests.benchmarks.models import Item

    def delete(*, instance, **kwargs):
        transaction.on_commit(lambda: cache.delete(f"item:{instance.pk}"))

    post_save.connect(delete, sender=Item, weak=False)
    return _read_aside


def _read_aside(pk):
    from django.core.cache import cache

    value = cache.get(f"item:{pk}")
    if value is None:
        value = _load(pk)
        cache.set(f"item:{pk}", value, 300)
    return value


def cachalot():
    from tests.benchmarks.models import Item

    return lambda pk: list(Item.objects.filter(pk=pk))[0].value


def cacheops():
    from tests.benchmarks.models import Item

    return lambda pk: list(Item.objects.filter(pk=pk).cache())[0].value


def inkstone():
    from django.core.management import call_command

    from core.caching import get_or_build, track
    from tests.benchmarks.models import Item

    track(Item)
    call_command("migrate", "core_caching", verbosity=0)

    def read(pk):
        tags = [f"benchmarks.item:{pk}"]
        return get_or_build(f"item:{pk}", lambda: _load(pk), tags=tags)

    return read


def _load(pk):
    from tests.benchmarks.models import Item

    return Item.objects.get(pk=pk).value

"""Django as startproject makes it: persistent connections, cache_page on Redis.

Sessions are in Redis alone, as Flask-Session's are: the fastest that Django has.
"""

import json
import os

import pymysql
from django.conf import settings

pymysql.install_as_MySQLdb()
settings.configure(
    SECRET_KEY="only-for-benchmarks",
    ALLOWED_HOSTS=["127.0.0.1"],
    ROOT_URLCONF=__name__,
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.mysql",
            "CONN_MAX_AGE": None,
            **json.loads(os.environ["BENCH_DATABASE"]),
        }
    },
    CACHES={
        "default": {
            "BACKEND": "django_redis.cache.RedisCache",
            "LOCATION": os.environ["BENCH_REDIS"],
        }
    },
    SESSION_ENGINE="django.contrib.sessions.backends.cache",
    INSTALLED_APPS=[
        "django.contrib.auth",
        "django.contrib.contenttypes",
        "django.contrib.sessions",
        "django.contrib.messages",
    ],
    MIDDLEWARE=[
        "django.middleware.security.SecurityMiddleware",
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.middleware.common.CommonMiddleware",
        "django.middleware.csrf.CsrfViewMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
        "django.contrib.messages.middleware.MessageMiddleware",
        "django.middleware.clickjacking.XFrameOptionsMiddleware",
    ],
)

from django.core.wsgi import get_wsgi_application  # noqa: E402

application = get_wsgi_application()

from django.urls import path  # noqa: E402
from django.views.decorators.cache import cache_page  # noqa: E402

from tests.benchmarks.web_views import (  # noqa: E402
    articles,
    count_visits,
    read_visits,
)

urlpatterns = [
    path("bench/uncached", articles),
    path("bench/cached", cache_page(300)(articles)),
    path("bench/visits", count_visits),
    path("bench/visits/read", read_visits),
]

"""All settings, read from the environment (names and defaults: .env.example)."""

from pathlib import Path

from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured
from django.utils.translation import gettext_lazy as _

from config import env

# Paths

BASE_DIR = Path(__file__).resolve().parent.parent
DATA_DIR = BASE_DIR / "var"
env.load_file(BASE_DIR / env.text("ENV_FILE", ".env"))

# Security

IS_EMBEDDED = not env.text("DATABASE_URL") and not env.text("REDIS_URL")
DEBUG = env.boolean("DEBUG", default=IS_EMBEDDED)
SECRET_KEY = env.secret(
    "SECRET_KEY", default="django-insecure-only-while-DEBUG-is-on" if DEBUG else ""
)
ALLOWED_HOSTS = env.words(
    "ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]"] if DEBUG else []
)
CSRF_TRUSTED_ORIGINS = env.words("CSRF_TRUSTED_ORIGINS", default=[])
CSRF_FAILURE_VIEW = "core.web.errors.csrf_failure"

USE_HTTPS = env.boolean("USE_HTTPS", default=not DEBUG)
SECURE_SSL_REDIRECT = USE_HTTPS
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$"]
SECURE_HSTS_SECONDS = 365 * 24 * 3600 if USE_HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = USE_HTTPS
SECURE_HSTS_PRELOAD = USE_HTTPS
SESSION_COOKIE_SECURE = USE_HTTPS
CSRF_COOKIE_SECURE = USE_HTTPS
# Safe only if the proxy sets or removes X-Forwarded-Proto, X-Forwarded-For and
# X-Request-ID on every request.
BEHIND_PROXY = REQUEST_ID_FROM_PROXY = env.boolean("BEHIND_PROXY", default=False)
if BEHIND_PROXY:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        # Articles may show pictures of other sites, over TLS only.
        "img-src": [SELF, "data:", "https:"],
        "object-src": [NONE],
        "base-uri": [NONE],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
    }
}

# Apps

INSTALLED_APPS = [
    "articles",
    "accounts",
    "core.caching",
    "core.db",
    "core.importing",
    "core.messaging",
    "core.sessions",
    "core.web",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.sitemaps",
    "django.contrib.staticfiles",
    "csp",
]
MIDDLEWARE = [
    # First: what the cache answers has an id and is announced, too.
    "core.web.middleware.ContextMiddleware",
    # Answers what is cached before the rest runs; stores what the rest has added.
    "core.caching.middleware.CachedViewsMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "core.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "core.web.middleware.ErrorPagesMiddleware",
]
ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
ASGI_APPLICATION = "config.asgi.application"
X_FRAME_OPTIONS = "DENY"

# Database

DATABASES = {
    "default": env.database("DATABASE_URL", f"sqlite:///{DATA_DIR}/db.sqlite3")
}
DATABASE_POOL = env.json_object("DATABASE_POOL")
if DATABASES["default"]["ENGINE"] == "core.db.mysql":
    DATABASES["default"]["OPTIONS"] = {
        "pool": DATABASE_POOL or True,
        # A frozen server must not hold a request for ever. Longer than MySQL waits
        # for a row lock (50 s): the server gives up first, and says so, instead of
        # carrying out later what the site has given up.
        "read_timeout": 60,
        "write_timeout": 60,
        **DATABASES["default"]["OPTIONS"],
    }
elif DATABASE_POOL:
    # Not ignored: most likely the address of the server is what is missing.
    raise ImproperlyConfigured(
        f"DATABASE_POOL={DATABASE_POOL!r}: expected no value, because DATABASE_URL "
        "names SQLite, which has no pool."
    )
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# Caches and sessions

REDIS_URL = env.redis_url("REDIS_URL")
if REDIS_URL:
    CACHES = {
        "default": {
            "BACKEND": "django_redis.cache.RedisCache",
            "LOCATION": REDIS_URL,
            "KEY_PREFIX": "inkstone",
            "OPTIONS": {
                "SERIALIZER": "django_redis.serializers.json.JSONSerializer",
                "SOCKET_CONNECT_TIMEOUT": 1,
                "SOCKET_TIMEOUT": 1,
            },
        }
    }
else:
    CACHES = {
        "default": {
            "BACKEND": "django.core.cache.backends.locmem.LocMemCache",
            "OPTIONS": {"MAX_ENTRIES": 5000},
        }
    }
CACHE_DEFAULT_TIMEOUT = 300
# How long visits may stay in Redis or in memory; 0 leaves it to the administration.
VISITS_FLUSH_SECONDS = 10

SESSION_ENGINE = "core.sessions"

# Accounts

AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["accounts.backends.AccountBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": name}
    for name in (
        "accounts.passwords.PasswordLength",
        "accounts.passwords.PasswordCharacters",
        "django.contrib.auth.password_validation.UserAttributeSimilarityValidator",
        "django.contrib.auth.password_validation.CommonPasswordValidator",
    )
]
LOGIN_URL = "accounts:login"
LOGIN_REDIRECT_URL = "accounts:profile"
LOGOUT_REDIRECT_URL = "articles:home"
# The link is in an e-mail, and in the table of messages.
PASSWORD_RESET_TIMEOUT = 60 * 60
# Without it no payment is believed.
PAYMENT_SECRET = env.secret("PAYMENT_SECRET", required=False)

# E-mail and SMS

globals().update(env.email("EMAIL_URL", "consolemail://"))
DEFAULT_FROM_EMAIL = env.text("DEFAULT_FROM_EMAIL", "inkstone@localhost")
SMS_BACKEND, SMS_FILE_PATH, SMS_WEBHOOK_URL = env.sms("SMS_BACKEND", "console")
if SMS_WEBHOOK_URL:
    SMS_WEBHOOK_SECRET = env.secret("SMS_WEBHOOK_SECRET")
MESSAGES_DELIVERY = env.choice(
    "MESSAGES_DELIVERY",
    "in_process" if IS_EMBEDDED else "workers",
    ["in_process", "workers"],
)

# Templates

TEMPLATES = [
    {
        "BACKEND": "core.web.templating.DjangoTemplates",
        "NAME": "django",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "core.web.context_processors.languages",
                "articles.context_processors.navigation",
            ],
        },
    }
]

MESSAGE_STORAGE = "core.web.flash.Storage"

# Languages and time

LANGUAGES = [("en", _("English")), ("zh-hans", _("Simplified Chinese"))]
LANGUAGE_CODE = env.choice("LANGUAGE_CODE", "en", [code for code, name in LANGUAGES])
LOCALE_PATHS = [BASE_DIR / "locale"]
TIME_ZONE = env.time_zone("TIME_ZONE", "Asia/Shanghai")
USE_TZ = True

# Static files and uploads

STATIC_URL = "static/"
STATIC_ROOT = DATA_DIR / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEBUG
        else "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
}
MEDIA_URL = "media/"
MEDIA_ROOT = DATA_DIR / "media"
# Uploaded workbooks that wait to be imported: no URL leads here.
IMPORTING_FOLDER = DATA_DIR / "imports"
IMPORTING_UPLOAD_BYTES = 20 * 1024 * 1024
# What has more rows is not imported within a request, but by init_db --queued.
IMPORTING_ROWS_AT_ONCE = 5_000
IMPORTING_KEEP_DAYS = 7

# Logging

LOG_FORMAT = env.log_format("LOG_FORMAT")
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {"request_id": {"()": "core.web.request_id.RequestIdFilter"}},
    "formatters": {
        "text": {"()": "core.web.logging.TextFormatter"},
        "json": {"()": "core.web.logging.JsonFormatter"},
    },
    "handlers": {
        "console": {
            "class": "logging.StreamHandler",
            "filters": ["request_id"],
            "formatter": LOG_FORMAT,
        }
    },
    "root": {"handlers": ["console"], "level": "INFO"},
    # Without the handlers that Django gives them: each line is written once.
    "loggers": {"django": {"level": "INFO"}, "django.server": {"propagate": True}},
}

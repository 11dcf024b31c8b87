"""The real settings, with other outlets and a faster password hasher."""

import os

from config.settings import *  # noqa: F403
from config.settings import DATABASES

# The test database is the one of DATABASE_URL itself, so that processes started by
# a test find its rows. It is emptied: only the plugin may say which one that is.
if "TEST_STACK" not in os.environ:
    raise RuntimeError("tests.settings needs the pytest plugin tests.stacks")
DATABASES["default"]["TEST"] = {"NAME": DATABASES["default"]["NAME"]}

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
# The controls of core.sessions need the table of Django's own engines.
INSTALLED_APPS = [*INSTALLED_APPS, "django.contrib.sessions"]  # noqa: F405
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.InMemoryStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
# WhiteNoise warns about a folder that nobody has collected files into.
STATIC_ROOT = BASE_DIR / "static"  # noqa: F405
STATICFILES_DIRS = []
# A thread that writes would disturb tests that roll back.
VISITS_FLUSH_SECONDS = 0

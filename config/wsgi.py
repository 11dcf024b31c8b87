import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django_application = get_wsgi_application()

from core.caching.wsgi import EarlyHits  # noqa: E402 (needs Django's settings)

application = EarlyHits(django_application)

"""A site for two workers: rows written by POST, and read through the cache by GET."""

import os

import django

django.setup()

from django.conf import settings  # noqa: E402
from django.core.cache import cache  # noqa: E402
from django.db import transaction  # noqa: E402
from django.http import HttpResponse  # noqa: E402
from django.urls import path  # noqa: E402
from django.views.decorators.csrf import csrf_exempt  # noqa: E402

from articles.models import Banner  # noqa: E402
from config.wsgi import application  # noqa: E402, F401 (for gunicorn)
from core.caching import cached_view  # noqa: E402

settings.ROOT_URLCONF = __name__


@csrf_exempt
@transaction.atomic
def write(request, pk, number):
    banner = Banner.objects.get(pk=pk)
    banner.text = str(number)
    banner.save()
    transaction.on_commit(lambda: cache.delete(f"aside:{pk}"))
    return HttpResponse(number)


@cached_view(tags=lambda request, pk: [f"articles.banner:{pk}"])
def coherent(request, pk):
    return HttpResponse(Banner.objects.get(pk=pk).text)


def aside(request, pk):
    """Read as most sites do, which delete on commit."""
    text = cache.get(f"aside:{pk}")
    if text is None:
        text = Banner.objects.get(pk=pk).text
        cache.set(f"aside:{pk}", text)
    return HttpResponse(text)


urlpatterns = [
    path("pid", lambda request: HttpResponse(os.getpid())),
    path("write/<int:pk>/<int:number>", write),
    path("coherent/<int:pk>", coherent),
    path("aside/<int:pk>", aside),
]

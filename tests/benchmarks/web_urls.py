from django.urls import path

from config.urls import urlpatterns as site
from core.caching import cached_view, track
from tests.benchmarks.models import Article
from tests.benchmarks.web_views import articles, count_visits, read_visits

track(Article)

urlpatterns = [
    path("bench/uncached", articles),
    path("bench/cached", cached_view(tags=["benchmarks.article"])(articles)),
    path("bench/visits", count_visits),
    path("bench/visits/read", read_visits),
    *site,
]

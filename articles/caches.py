"""What of the articles is cached: for each value its key, its tags and its read."""

from datetime import datetime
from typing import Any

from django.db.models import Min, Q
from django.utils import timezone

from accounts.models import User
from articles.models import Article, Banner, Category, Tag
from core.caching import cached, cached_view, tags_of, track

track(Article, Banner, Category, Tag)
# Pages show an author's name; that he has logged in voids none of them.
track(User, only=["username", "first_name", "last_name"])

# Lists and pages show all of these; an article's page has its neighbours, too.
ARTICLES = tags_of(Article, Category, Tag, User)


def next_publication() -> datetime | None:
    """Tell when a list of public articles changes without anybody's doing."""
    waiting = Article.objects.filter(
        status=Article.Status.PUBLISHED, published_at__gt=timezone.now()
    )
    moment: datetime | None = waiting.aggregate(at=Min("published_at"))["at"]
    return moment


def next_change_of_banners() -> datetime | None:
    now = timezone.now()
    moments = Banner.objects.aggregate(
        begin=Min("shown_from", filter=Q(shown_from__gt=now)),
        end=Min("shown_until", filter=Q(shown_until__gt=now)),
    )
    return min(filter(None, moments.values()), default=None)


def next_change_of_home() -> datetime | None:
    moments = next_publication(), next_change_of_banners()
    return min(filter(None, moments), default=None)


@cached("articles.navigation", tags=tags_of(Category))
def _category_rows() -> list[dict[str, Any]]:
    return [{**row} for row in Category.objects.values("id", "name", "slug")]


def navigation() -> list[Category]:
    return [Category(**row) for row in _category_rows()]


@cached("articles.banners", tags=tags_of(Banner), until=next_change_of_banners)
def _banner_rows() -> list[dict[str, Any]]:
    shown = "id", "title", "text", "image", "colour", "link"
    return [{**row} for row in Banner.objects.current().values(*shown)]


def current_banners() -> list[Banner]:
    return [Banner(**row) for row in _banner_rows()]


home_page = cached_view(
    tags=(*ARTICLES, *tags_of(Banner)), until=next_change_of_home, query_string=[]
)
list_page = cached_view(tags=ARTICLES, until=next_publication, query_string=["page"])
article_page = cached_view(tags=ARTICLES, until=next_publication, query_string=[])
feed = cached_view(tags=ARTICLES, until=next_publication, query_string=[], shared=True)
json_list = cached_view(
    tags=ARTICLES,
    until=next_publication,
    query_string=["page", "per_page", "category", "tag", "author"],
    shared=True,
)
json_article = cached_view(
    tags=ARTICLES, until=next_publication, query_string=[], shared=True
)

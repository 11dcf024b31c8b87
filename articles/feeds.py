from datetime import datetime

from django.contrib.syndication.views import Feed
from django.urls import reverse
from django.utils.translation import gettext as _

from articles.models import Article

FEED_ARTICLES = 20


class LatestArticlesFeed(Feed):
    def title(self) -> str:
        return _("Inkstone: latest articles")

    def description(self) -> str:
        return _("New articles of Inkstone")

    def link(self) -> str:
        return reverse("articles:home")

    def feed_url(self) -> str:
        return reverse("articles:feed")

    def items(self) -> list[Article]:
        return list(Article.objects.published().for_list()[:FEED_ARTICLES])

    def item_title(self, item: Article) -> str:
        return item.title

    def item_description(self, item: Article) -> str:
        return item.summary

    def item_pubdate(self, item: Article) -> datetime | None:
        return item.published_at

    def item_updateddate(self, item: Article) -> datetime:
        return item.updated_at

    def item_author_name(self, item: Article) -> str:
        return item.author.get_full_name() or item.author.username

    def item_categories(self, item: Article) -> list[str]:
        return [item.category.name, *(tag.name for tag in item.tags.all())]

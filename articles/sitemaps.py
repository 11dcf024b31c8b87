from datetime import datetime

from django.contrib.sitemaps import Sitemap
from django.db.models import QuerySet
from django.urls import reverse

from articles.models import Article, Category


class LocalisedSitemap(Sitemap):
    """Lists every address in every language, each pointing to the others."""

    i18n = True
    alternates = True
    x_default = True


class PageSitemap(LocalisedSitemap):
    def items(self) -> list[str]:
        return ["articles:home", "articles:list"]

    def location(self, item: str) -> str:
        return reverse(item)


class CategorySitemap(LocalisedSitemap):
    def items(self) -> QuerySet[Category]:
        return Category.objects.all()


class ArticleSitemap(LocalisedSitemap):
    def items(self) -> QuerySet[Article]:
        articles = Article.objects.published().order_by("-published_at", "-pk")
        return articles.only("slug", "updated_at")

    def lastmod(self, item: Article) -> datetime:
        return item.updated_at


SITEMAPS = {
    "pages": PageSitemap,
    "categories": CategorySitemap,
    "articles": ArticleSitemap,
}

"""Articles as JSON, in the envelope of ``core.web.responses``."""

from http import HTTPStatus
from typing import Any

from django.core.paginator import InvalidPage
from django.http import HttpRequest, JsonResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from articles import caches
from articles.forms import ArticleListQuery
from articles.models import Article
from core.web.responses import json_error, json_success


@caches.json_list
@require_safe
def article_list(request: HttpRequest) -> JsonResponse:
    """List published articles, newest first.

    ``page`` and ``per_page`` (1 to 100, default 10) choose the part;
    ``category``, ``tag`` (slugs) and ``author`` (username) narrow it down. The
    header ``X-Total-Count`` gives the number of all.
    """
    query = ArticleListQuery(request.GET)
    if not query.is_valid():
        return json_error(HTTPStatus.BAD_REQUEST, query.first_error())
    articles = Article.objects.published().filter(**query.lookups())
    try:
        page = articles.page_of_list(query.page_number, size=query.page_size)
    except InvalidPage as error:
        return json_error(HTTPStatus.NOT_FOUND, f"page: {error}")
    response = json_success([_summary(request, article) for article in page])
    response["X-Total-Count"] = str(page.paginator.count)
    return response


@caches.json_article
@require_safe
def article_detail(request: HttpRequest, slug: str) -> JsonResponse:
    article = Article.objects.published().for_page().filter(slug=slug).first()
    if article is None:
        message = _("There is no article “%(slug)s”.") % {"slug": slug}
        return json_error(HTTPStatus.NOT_FOUND, message)
    body = {
        "body": article.body,
        "body_html": article.body_html,
        "source_url": article.source_url,
        "updated_at": article.updated_at,
    }
    return json_success(_summary(request, article) | body)


def _summary(request: HttpRequest, article: Article) -> dict[str, Any]:
    return {
        "id": article.pk,
        "title": article.title,
        "slug": article.slug,
        "author": article.author.username,
        "category": article.category.slug,
        "tags": [tag.slug for tag in article.tags.all()],
        "summary": article.summary,
        "published_at": article.published_at,
        "url": request.build_absolute_uri(article.get_absolute_url()),
        "api_url": request.build_absolute_uri(
            reverse("api:article_detail", args=[article.slug])
        ),
    }

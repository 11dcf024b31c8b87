from typing import Any

from django.contrib.auth.decorators import permission_required
from django.core.paginator import InvalidPage
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from accounts.models import User
from articles import caches
from articles.forms import SearchForm
from articles.models import Article, ArticleQuerySet, Category, Tag

HOME_ARTICLES = 9
ARTICLES_PER_PAGE = 12


@caches.home_page
@require_safe
def home(request: HttpRequest) -> HttpResponse:
    context = {
        "banners": caches.current_banners(),
        "articles": list(Article.objects.published().for_list()[:HOME_ARTICLES]),
    }
    return render(request, "articles/home.html", context)


@caches.list_page
@require_safe
def article_list(request: HttpRequest) -> HttpResponse:
    articles = Article.objects.published()
    return _render_list(request, articles, heading=_("All articles"), kicker="")


@caches.list_page
@require_safe
def category_articles(request: HttpRequest, slug: str) -> HttpResponse:
    category = get_object_or_404(Category, slug=slug)
    articles = Article.objects.published().filter(category=category)
    return _render_list(request, articles, heading=category.name, kicker=_("Category"))


@caches.list_page
@require_safe
def tag_articles(request: HttpRequest, slug: str) -> HttpResponse:
    tag = get_object_or_404(Tag, slug=slug)
    articles = Article.objects.published().filter(tags=tag)
    return _render_list(request, articles, heading=tag.name, kicker=_("Tag"))


@caches.list_page
@require_safe
def author_articles(request: HttpRequest, username: str) -> HttpResponse:
    articles = Article.objects.published().filter(author__username=username)
    # Who has published nothing has no page, so that names cannot be probed.
    author = get_object_or_404(
        User, username=username, pk__in=articles.values("author")
    )
    heading = author.get_full_name() or author.username
    return _render_list(request, articles, heading=heading, kicker=_("Author"))


@caches.article_page
@require_safe
def article_detail(request: HttpRequest, slug: str) -> HttpResponse:
    article = get_object_or_404(Article.objects.published().for_page(), slug=slug)
    newer, older = article.neighbours()
    context = {"article": article, "newer": newer, "older": older}
    return render(request, "articles/article_detail.html", context)


@require_safe
@permission_required("articles.view_article")
def article_preview(request: HttpRequest, slug: str) -> HttpResponse:
    """Show an article to the staff, published or not."""
    article = get_object_or_404(Article.objects.for_page(), slug=slug)
    context = {"article": article, "is_preview": True}
    return render(request, "articles/article_detail.html", context)


@require_safe
def search(request: HttpRequest) -> HttpResponse:
    form = SearchForm(request.GET if "q" in request.GET else None)
    context: dict[str, Any] = {"form": form, "query": request.GET.get("q", "")}
    if form.is_valid():
        found = Article.objects.published().search(form.cleaned_data["q"])
        context |= _page_context(request, found)
    return render(request, "articles/article_search.html", context)


def _render_list(
    request: HttpRequest, articles: ArticleQuerySet, *, heading: str, kicker: str
) -> HttpResponse:
    context = {"heading": heading, "kicker": kicker} | _page_context(request, articles)
    return render(request, "articles/article_list.html", context)


def _page_context(request: HttpRequest, articles: ArticleQuerySet) -> dict[str, Any]:
    number = request.GET.get("page", 1)
    try:
        page = articles.page_of_list(number, size=ARTICLES_PER_PAGE)
    except InvalidPage as error:
        raise Http404 from error
    page_range = page.paginator.get_elided_page_range(page.number)
    return {"page": page, "page_range": page_range}

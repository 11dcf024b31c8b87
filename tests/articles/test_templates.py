from datetime import timedelta

import pytest
from django.utils import timezone

from articles.models import Article
from tests.factories import (
    make_article,
    make_banner,
    make_category,
    make_staff,
    make_tag,
)

pytestmark = pytest.mark.django_db


def page_at(client, address):
    return client.get(address).content.decode()


@pytest.mark.parametrize(
    ("banners", "carousels", "controls"), [(0, 0, 0), (1, 1, 0), (2, 1, 1)]
)
def test_carousel_has_controls_only_if_there_is_something_to_turn_to(
    client, banners, carousels, controls
):
    for _ in range(banners):
        make_banner()

    page = page_at(client, "/en/")

    assert page.count(" data-carousel>") == carousels
    assert page.count(" data-carousel-controls ") == controls
    assert page.count("carousel.js") == controls
    assert page.count('tabindex="0"') == controls


def test_banner_has_its_colour_and_is_a_link_only_if_it_leads_somewhere(client):
    make_banner(title="Linked", link="/en/articles/", colour="teal")
    make_banner(title="Plain")

    page = page_at(client, "/en/")

    assert "banner--teal" in page
    assert '<a href="/en/articles/">Linked</a>' in page
    assert '<p class="banner__title">Plain</p>' in page


@pytest.mark.parametrize(
    ("address", "current"),
    [
        ("/en/", "Home"),
        ("/en/articles/", "All articles"),
        ("/en/categories/行旅/", "Travel"),
    ],
)
def test_menu_marks_the_page_one_is_on(client, address, current):
    make_category(name="Travel", slug="行旅")

    page = page_at(client, address)

    assert page.count('aria-current="page"') == 1
    assert f' aria-current="page">{current}</a>' in page


def test_pagination_links_to_neighbours_and_marks_the_page(client):
    for _ in range(25):
        make_article()

    page = page_at(client, "/en/articles/?page=2")

    assert 'href="?page=1" rel="prev"' in page
    assert 'href="?page=3" rel="next"' in page
    assert 'class="pagination__page" aria-current="page"' in page
    assert '<link rel="canonical" href="http://testserver/en/articles/?page=2">' in page


def test_single_page_has_no_pagination(client):
    make_article()

    assert "pagination" not in page_at(client, "/en/articles/")


@pytest.mark.parametrize("address", ["/en/", "/en/articles/", "/en/categories/empty/"])
def test_empty_lists_say_so(client, address):
    make_category(slug="empty")

    assert "Nothing has been published" in page_at(client, address)


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("alpha", "1 article contains “alpha”."),
        ("beta", "2 articles contain “beta”."),
        ("gamma", "No article contains “gamma”."),
    ],
)
def test_search_says_how_many_articles_it_found(client, query, sentence):
    make_article(body="alpha beta")
    make_article(body="beta")

    assert sentence in page_at(client, f"/en/search/?q={query}")


def test_refused_search_says_nothing_of_results(client):
    page = page_at(client, "/en/search/?q=x")

    assert 'class="errorlist"' in page
    assert "contain" not in page


def test_article_describes_itself_to_other_sites(client):
    article = make_article(
        title="A “quoted” title", summary="In short.", tags=[make_tag(name="Ink")]
    )

    page = page_at(client, article.get_absolute_url())

    assert '<meta property="og:title" content="A “quoted” title">' in page
    assert '<meta name="description" content="In short.">' in page
    assert '<meta property="article:tag" content="Ink">' in page
    assert f'href="http://testserver/en/articles/{article.slug}/"' in page
    assert "preview" not in page


def test_article_names_the_day_of_its_update_only_if_it_is_another(client):
    fresh = make_article()
    old = make_article(published_at=timezone.now() - timedelta(days=2))

    assert "Updated" not in page_at(client, fresh.get_absolute_url())
    assert "Updated" in page_at(client, old.get_absolute_url())


def test_preview_warns_staff_and_is_hidden_from_search_engines(client):
    article = make_article(status=Article.Status.DRAFT, published_at=None)
    client.force_login(make_staff())

    page = page_at(client, f"/en/articles/{article.slug}/preview/")

    assert "only staff can see this article" in page
    assert '<meta name="robots" content="noindex">' in page
    assert 'rel="canonical"' not in page
    assert "og:title" not in page

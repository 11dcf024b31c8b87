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
    make_user,
)

pytestmark = pytest.mark.django_db


def text_of(response):
    return response.content.decode()


def test_home_shows_current_banners_and_the_latest_articles(client):
    make_banner(title="Shown banner")
    make_banner(title="Old banner", shown_until=timezone.now())
    make_article(title="Public article")
    make_article(title="Secret draft", status=Article.Status.DRAFT)

    page = text_of(client.get("/en/"))

    assert "Shown banner" in page
    assert "Old banner" not in page
    assert "Public article" in page
    assert "Secret draft" not in page


def test_home_of_an_empty_site_works(client):
    assert client.get("/en/").status_code == 200


@pytest.mark.parametrize(
    ("header", "address"), [("zh-CN,zh;q=0.9", "/zh-hans/"), ("fr", "/en/")]
)
def test_root_leads_to_the_language_of_the_browser(client, header, address):
    response = client.get("/", headers={"accept-language": header})

    assert response.headers["Location"] == address


@pytest.mark.parametrize("address", ["/articles/", "/admin/login/", "/search/?q=ab"])
def test_addresses_without_language_lead_to_one(client, address):
    response = client.get(address, headers={"accept-language": "zh-hans"})

    assert response.headers["Location"] == f"/zh-hans{address}"


def test_article_shows_rendered_body_tags_and_neighbours(client):
    now = timezone.now()
    make_article(title="Older one", published_at=now - timedelta(days=2))
    article = make_article(
        title="The <title>",
        body="Some *Markdown*",
        published_at=now - timedelta(days=1),
        tags=[make_tag(name="Pool")],
    )
    make_article(title="Newer one", published_at=now)

    page = text_of(client.get(article.get_absolute_url()))

    assert "The &lt;title&gt;" in page
    assert "<p>Some <em>Markdown</em></p>" in page
    assert "Pool" in page
    assert "Older one" in page
    assert "Newer one" in page


def test_article_with_a_chinese_slug_has_a_page(client):
    article = make_article(slug="连接池")

    assert client.get(article.get_absolute_url()).status_code == 200


@pytest.mark.parametrize(
    "hidden",
    [
        {"status": Article.Status.DRAFT},
        {"published_at": timezone.now() + timedelta(days=1)},
    ],
)
def test_hidden_article_is_not_found(client, hidden):
    article = make_article(**hidden)

    assert client.get(article.get_absolute_url()).status_code == 404


def test_staff_previews_a_draft(client):
    article = make_article(title="Draft title", status=Article.Status.DRAFT)
    client.force_login(make_staff())

    response = client.get(f"/en/articles/{article.slug}/preview/")

    assert response.status_code == 200
    assert "Draft title" in text_of(response)


def test_visitors_are_asked_to_log_in_before_a_preview(client):
    article = make_article(status=Article.Status.DRAFT)

    response = client.get(f"/en/articles/{article.slug}/preview/")

    assert response.headers["Location"].startswith("/en/accounts/login/?next=")


@pytest.fixture
def one_of_two():
    """Two articles that differ in everything; the first is the one to find."""
    wanted = make_article(
        title="Wanted",
        category=make_category(slug="database", name="Database"),
        author=make_user(username="ada", first_name="Ada", last_name="Marsh"),
        tags=[make_tag(slug="pool", name="Pool")],
    )
    make_article(title="Other", tags=[make_tag()])
    return wanted


@pytest.mark.parametrize(
    ("address", "heading"),
    [
        ("/en/categories/database/", "Database"),
        ("/en/tags/pool/", "Pool"),
        ("/en/authors/ada/", "Ada Marsh"),
    ],
)
def test_lists_show_their_articles_only(client, one_of_two, address, heading):
    page = text_of(client.get(address))

    assert heading in page
    assert "Wanted" in page
    assert "Other" not in page


def test_author_with_several_articles_has_one_page(client):
    author = make_user(username="ada")
    make_article(author=author)
    make_article(author=author)

    assert client.get("/en/authors/ada/").status_code == 200


@pytest.mark.parametrize("kind", ["categories", "tags", "authors", "articles"])
def test_unknown_names_are_not_found(client, kind):
    assert client.get(f"/en/{kind}/nothing/").status_code == 404


def test_author_without_public_articles_has_no_page(client):
    author = make_user(username="ada")
    make_article(author=author, status=Article.Status.DRAFT)

    assert client.get("/en/authors/ada/").status_code == 404


def test_lists_are_paginated(client):
    category = make_category(slug="many")
    for number in range(13):
        make_article(title=f"Number {number:02}", category=category)

    first = text_of(client.get("/en/categories/many/"))
    second = text_of(client.get("/en/categories/many/?page=2"))

    assert "Number 12" in first
    assert "Number 00" not in first
    assert "?page=2" in first
    assert "Number 00" in second
    assert "Number 12" not in second


@pytest.mark.parametrize("page", ["0", "2", "-1", "x", "1e9", ""])
def test_page_that_does_not_exist_is_not_found(client, page):
    make_article()

    assert client.get(f"/en/articles/?page={page}").status_code == 404


def test_search_finds_articles_and_keeps_the_query_when_turning_pages(client):
    for _ in range(13):
        make_article(body="the pool holds")
    make_article(title="Unrelated", body="nothing")

    page = text_of(client.get("/en/search/?q=pool"))

    assert "13" in page
    assert "Unrelated" not in page
    assert "?q=pool&amp;page=2" in page


@pytest.mark.parametrize("query", ["", "x", "y" * 101, "\0\0"])
def test_search_refuses_what_cannot_be_searched_with_a_sentence(client, query):
    response = client.get("/en/search/", {"q": query})

    assert response.status_code == 200
    assert response.context["form"].errors["q"]


def test_search_shows_the_query_as_text(client):
    page = text_of(client.get("/en/search/", {"q": "<script>alert(1)</script>"}))

    assert "<script>alert(1)" not in page
    assert "&lt;script&gt;alert(1)" in page


@pytest.mark.parametrize(
    ("address", "queries"),
    [
        ("/en/", 4),  # banners, articles, tags, categories of the menu
        ("/en/articles/", 4),  # count, articles, tags, menu
        ("/en/categories/c/", 5),  # and the category
        ("/en/search/?q=body", 4),
        ("/en/articles/first/", 5),  # article, tags, two neighbours, menu
        ("/en/feed/", 2),
        ("/sitemap.xml", 2),  # counted once per language for both kinds
        ("/api/articles?per_page=100", 3),
        ("/api/articles/first", 2),
    ],
)
def test_queries_do_not_grow_with_the_rows(
    client, django_assert_num_queries, address, queries
):
    category = make_category(slug="c")
    make_article(slug="first", category=category, tags=[make_tag(), make_tag()])
    for _ in range(8):
        make_article(category=category, tags=[make_tag(), make_tag()])

    with django_assert_num_queries(queries):
        response = client.get(address)
        assert response.status_code == 200


def test_pages_point_to_their_other_language(client):
    article = make_article(slug="here")

    page = text_of(client.get(article.get_absolute_url()))

    assert 'href="/zh-hans/articles/here/"' in page
    assert 'hreflang="zh-hans"' in page
    assert '<html lang="en"' in page


def test_feed_lists_public_articles(client):
    make_article(title="In the feed", summary="A summary")
    make_article(title="Draft", status=Article.Status.DRAFT)

    response = client.get("/en/feed/")

    assert response.headers["Content-Type"].startswith("application/rss+xml")
    assert "In the feed" in text_of(response)
    assert "A summary" in text_of(response)
    assert "Draft" not in text_of(response)


def test_sitemap_lists_public_articles_in_both_languages(client):
    make_article(slug="public")
    make_article(slug="draft", status=Article.Status.DRAFT)

    page = text_of(client.get("/sitemap.xml"))

    assert "http://testserver/en/articles/public/" in page
    assert "http://testserver/zh-hans/articles/public/" in page
    assert "draft" not in page


def test_robots_file_names_the_sitemap(client):
    response = client.get("/robots.txt")

    assert response.headers["Content-Type"] == "text/plain"
    assert "Sitemap: http://testserver/sitemap.xml" in text_of(response)


def test_pages_carry_a_strict_content_security_policy(client):
    policy = client.get("/en/").headers["Content-Security-Policy"]

    assert "default-src 'self'" in policy
    assert "unsafe" not in policy


@pytest.mark.parametrize("address", ["/en/", "/en/articles/", "/en/search/?q=ab"])
def test_public_pages_set_no_cookie(client, address):
    make_article()

    assert not client.get(address).cookies


def test_pages_accept_no_other_method(client):
    assert client.post("/en/articles/").status_code == 405

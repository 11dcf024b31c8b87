"""What visitors get from the cache, with the site's own pages."""

from datetime import timedelta

import pytest
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from openpyxl import Workbook

from accounts.models import User
from articles import caches
from articles.models import Article, Category, Tag
from core.caching.stores import current_store
from core.caching.transactions import watch_statements
from tests.factories import (
    make_article,
    make_banner,
    make_category,
    make_tag,
    make_user,
)
from tests.waiting import wait_until

pytestmark = pytest.mark.django_db(transaction=True)

PAGES = [
    "/en/",
    "/en/articles/",
    "/en/articles/pool/",
    "/en/categories/database/",
    "/en/tags/mysql/",
    "/en/authors/ada/",
    "/en/feed/",
    "/api/articles",
    "/api/articles/pool",
]


@pytest.fixture(autouse=True)
def fresh_store(settings):
    settings.COHERENT_CACHE = {"HOLD": 0.05}
    settings.DEBUG = True  # shows X-Cache
    yield
    current_store.cache_clear()


@pytest.fixture
def article():
    return make_article(
        title="Old title",
        slug="pool",
        author=make_user(username="ada"),
        category=make_category(name="Database", slug="database"),
        tags=[make_tag(name="MySQL", slug="mysql")],
    )


def status(response):
    return response.headers.get("X-Cache")


def warm(address):
    """Ask until the answer comes from the cache."""

    def hit():
        response = Client().get(address)
        return response if status(response) == "hit" else None

    return wait_until(hit, what=f"a hit of {address}").content.decode()


@pytest.mark.parametrize("address", PAGES)
def test_pages_come_from_the_cache_and_follow_changes(address, article):
    assert "Old title" in warm(address)

    Article.objects.update(title="New title")
    fresh = Client().get(address)

    assert "New title" in fresh.content.decode()
    assert "Old title" not in fresh.content.decode()


@pytest.mark.parametrize("address", PAGES[:6])
def test_navigation_follows_categories_on_every_page(address, article):
    warm(address)

    make_category(name="Fresh category")

    assert "Fresh category" in Client().get(address).content.decode()


@pytest.mark.parametrize(
    ("model", "values", "shown"),
    [
        (Category, {"slug": "renamed"}, '"category": "renamed"'),
        (Tag, {"slug": "renamed"}, '"tags": ["renamed"]'),
        (User, {"username": "renamed"}, '"author": "renamed"'),
    ],
)
def test_articles_follow_what_they_show_of_others(model, values, shown, article):
    assert shown not in warm("/api/articles/pool")

    model.objects.update(**values)

    assert shown in Client().get("/api/articles/pool").content.decode()


def test_login_of_the_author_leaves_pages_alone(article):
    warm("/en/")

    Client().force_login(article.author)  # updates last_login

    assert status(Client().get("/en/")) == "hit"


def test_page_changes_at_the_moment_of_publication(article):
    moment = timezone.now() + timedelta(seconds=1)
    make_article(title="Awaited", published_at=moment)
    assert "Awaited" not in warm("/api/articles")

    wait_until(lambda: timezone.now() > moment)

    assert "Awaited" in Client().get("/api/articles").content.decode()


def test_banner_ends_at_its_moment():
    moment = timezone.now() + timedelta(seconds=1)
    make_banner(title="Last chance", shown_until=moment)
    assert "Last chance" in warm("/en/")

    wait_until(lambda: timezone.now() > moment)

    assert "Last chance" not in Client().get("/en/").content.decode()


def test_next_change_is_the_earliest_to_come():
    now = timezone.now()
    hours = {n: now + timedelta(hours=n) for n in (-2, -1, 1, 2, 3)}
    assert caches.next_change_of_home() is None
    make_article(published_at=hours[-1])
    make_article(published_at=hours[3])
    make_article(published_at=hours[1], status=Article.Status.DRAFT)
    make_banner(shown_from=hours[-2], shown_until=hours[2])

    assert caches.next_publication() == hours[3]
    assert caches.next_change_of_banners() == hours[2]
    assert caches.next_change_of_home() == hours[2]


def test_draft_is_gone_from_the_cache_at_once(article, client):
    warm("/en/articles/pool/")

    article.status = Article.Status.DRAFT
    article.save()

    assert client.get("/en/articles/pool/").status_code == 404


def test_member_gets_his_own_page_of_cached_parts(article):
    make_banner(title="Shown")
    member = Client()
    member.force_login(make_user())
    warm("/en/")

    with CaptureQueriesContext(connection) as queries:
        response = member.get("/en/")

    assert status(response) == "bypass"
    assert "Shown" in response.content.decode()
    assert not [query for query in queries if "articles_banner" in query["sql"]]


def test_new_article_is_in_both_languages(article):
    for address in ("/en/articles/", "/zh-hans/articles/"):
        warm(address)

    make_article(title="Second")

    for address in ("/en/articles/", "/zh-hans/articles/"):
        assert "Second" in Client().get(address).content.decode()


def test_tagging_is_seen_through_the_signal_alone(article):
    """Statements and signals notice a change, each without the other."""
    warm("/api/articles/pool")
    connection.ensure_connection()
    connection.execute_wrappers.remove(watch_statements)
    try:
        article.tags.add(make_tag(slug="second"))
    finally:
        connection.execute_wrappers.insert(0, watch_statements)

    assert "second" in Client().get("/api/articles/pool").content.decode()


def test_imported_rows_are_seen(tmp_path):
    assert "Imported" not in warm("/en/")
    workbook = Workbook()
    workbook.active.append(["title"])
    workbook.active.append(["Imported"])
    workbook.save(tmp_path / "banners.xlsx")

    call_command("init_db", tmp_path / "banners.xlsx", "articles_banner", verbosity=0)

    assert "Imported" in Client().get("/en/").content.decode()

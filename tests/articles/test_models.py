from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import ProtectedError
from django.utils import timezone

from articles.models import Article, Banner, Category
from tests.factories import make_article, make_banner, make_category, make_user

pytestmark = pytest.mark.django_db

HOUR = timedelta(hours=1)


def test_drafts_and_articles_of_the_future_are_not_public():
    public = make_article()
    make_article(status=Article.Status.DRAFT)
    make_article(published_at=timezone.now() + HOUR)

    assert list(Article.objects.published()) == [public]


def test_body_is_rendered_on_save():
    article = make_article(body="*one*")

    article.body = "*two*"
    article.save()

    article.refresh_from_db()
    assert article.body_html == "<p><em>two</em></p>\n"


def test_saving_only_the_body_renders_it_too():
    article = make_article(body="one")

    article.body = "two"
    article.save(update_fields=["body"])

    article.refresh_from_db()
    assert article.body_html == "<p>two</p>\n"


def test_body_is_rendered_on_bulk_create():
    author, category = make_user(), make_category()

    Article.objects.bulk_create(
        [Article(title="t", slug="t", author=author, category=category, body="# t")]
    )

    assert Article.objects.get().body_html == "<h1>t</h1>\n"


def test_database_refuses_a_published_article_without_time():
    with pytest.raises(IntegrityError), transaction.atomic():
        make_article(published_at=None)


def test_validation_dates_an_article_published_without_time():
    article = make_article(status=Article.Status.DRAFT, published_at=None)

    article.status = Article.Status.PUBLISHED
    article.full_clean()

    assert article.published_at is not None


def test_database_refuses_an_unknown_status():
    with pytest.raises(IntegrityError), transaction.atomic():
        make_article(status="hidden")


def test_search_finds_every_word_in_title_summary_or_body():
    found = make_article(title="连接池", summary="Pooling", body="half a transaction")
    make_article(title="连接池", summary="", body="something else")

    assert list(Article.objects.search("连接池 POOLING transaction")) == [found]


@pytest.mark.parametrize("text", ["%", "_", "' OR 1=1 --", "\\"])
def test_search_takes_special_characters_literally(text):
    make_article(title="plain", summary="plain", body="plain")
    found = make_article(title=f"with {text} inside")

    assert list(Article.objects.search(text)) == [found]


def test_neighbours_follow_the_time_of_publication():
    now = timezone.now()
    oldest = make_article(published_at=now - 3 * HOUR)
    middle = make_article(published_at=now - 2 * HOUR)
    make_article(status=Article.Status.DRAFT, published_at=now - 1.5 * HOUR)
    newest = make_article(published_at=now - 1 * HOUR)

    assert middle.neighbours() == (newest, oldest)
    assert newest.neighbours() == (None, middle)


def test_banners_are_current_between_their_times():
    now = timezone.now()
    always = make_banner()
    within = make_banner(shown_from=now - HOUR, shown_until=now + HOUR)
    later = make_banner(shown_from=now + HOUR)
    over = make_banner(shown_until=now - HOUR)

    assert list(Banner.objects.current()) == [always, within]
    assert [banner.is_current for banner in (always, within, later, over)] == [
        True,
        True,
        False,
        False,
    ]


def test_database_refuses_a_banner_that_ends_before_it_starts():
    now = timezone.now()

    with pytest.raises(IntegrityError), transaction.atomic():
        make_banner(shown_from=now, shown_until=now - HOUR)


@pytest.mark.parametrize("link", ["/articles/", "https://example.com/a?b=1", ""])
def test_banner_accepts_paths_and_web_addresses(link):
    Banner(title="t", link=link).full_clean()


@pytest.mark.parametrize(
    "link", ["javascript:alert(1)", "//evil.example", "/\\evil.example", "articles"]
)
def test_banner_refuses_other_links(link):
    with pytest.raises(ValidationError) as caught:
        Banner(title="t", link=link).full_clean()

    assert "neither a path" in caught.value.message_dict["link"][0]


def test_category_with_articles_cannot_be_deleted():
    article = make_article()

    with pytest.raises(ProtectedError):
        article.category.delete()

    assert Category.objects.count() == 1

"""Every way to write a tracked table voids what another process has cached."""

import json

import pytest
from django.core.management import call_command
from django.db import connection, transaction

from accounts.models import User
from articles.models import Article, Banner, Category, Tag
from core.caching import get_or_build, invalidate_all
from core.caching.transactions import watch_statements
from tests.core.caching.processes import remote
from tests.factories import (
    make_article,
    make_banner,
    make_category,
    make_staff,
    make_tag,
)

pytestmark = pytest.mark.usefixtures("store")


@pytest.fixture
def article():
    return make_article(title="old", tags=[make_tag(name="first")])


def snapshot():
    """Everything that pages show of articles, as one JSON value."""
    return [
        [
            article.title,
            article.author.username,
            article.category.name,
            sorted(tag.name for tag in article.tags.all()),
        ]
        for article in Article.objects.published().for_list()
    ]


MODELS = ["articles.article", "articles.category", "articles.tag", "accounts.user"]


def read_list():
    return get_or_build("list", snapshot, tags=MODELS)


def read_row(pk):
    """Read what depends on one article alone."""
    tag = f"articles.article:{pk}"
    return get_or_build(tag, lambda: row(pk), tags=[tag])


def row(pk):
    found = Article.objects.filter(pk=pk).first()
    return found and [found.title, sorted(tag.name for tag in found.tags.all())]


def read_both(pk):
    return [read_list(), read_row(pk)]


def save(article):
    article.title = "new"
    article.save()


def save_in_transaction(article):
    with transaction.atomic():
        save(article)


def save_with_savepoints(article):
    with transaction.atomic():
        with transaction.atomic():
            save(article)
        with pytest.raises(ZeroDivisionError), transaction.atomic():
            Article.objects.update(title="never")
            raise ZeroDivisionError


def save_in_manual_transaction(article):
    transaction.set_autocommit(False)
    try:
        save(article)
        transaction.commit()
    finally:
        transaction.set_autocommit(True)


def create(article):
    make_article(title="another", author=article.author, category=article.category)


def delete(article):
    article.delete()


def update(article):
    Article.objects.update(title="new")


def update_row(article):
    Article.objects.filter(pk=article.pk).update(title="new")


def bulk_create(article):
    values = {"author": article.author, "category": article.category}
    Article.objects.bulk_create(
        [
            Article(title=slug, slug=slug, published_at=article.published_at, **values)
            for slug in ("a", "b")
        ]
    )
    Article.objects.filter(slug__in="ab").update(status="published")


def bulk_update(article):
    article.title = "new"
    Article.objects.bulk_update([article], ["title"])


def raw_sql(article):
    with connection.cursor() as cursor:
        cursor.execute("UPDATE articles_article SET title = 'new'")


def raw_sql_many(article):
    with connection.cursor() as cursor:
        cursor.executemany(
            "UPDATE articles_article SET title = %s WHERE id = %s",
            [("new", article.pk)],
        )


def add_tag(article):
    article.tags.add(make_tag(name="second"))


def remove_tag(article):
    article.tags.remove(article.tags.get())


def set_tags(article):
    article.tags.set([make_tag(name="second")])


def clear_tags(article):
    article.tags.clear()


def tag_from_the_other_side(article):
    make_tag(name="second").articles.add(article)


def rename_tag(article):
    Tag.objects.update(name="renamed")


def delete_tag(article):
    Tag.objects.all().delete()


def rename_category(article):
    Category.objects.filter(pk=article.category_id).update(name="renamed")


def rename_author(article):
    User.objects.filter(pk=article.author_id).update(username="renamed")


def fixture_of(article):
    fields = {"title": "new", "slug": article.slug, "status": "published"}
    fields |= {"author": article.author_id, "category": article.category_id}
    fields |= {"published_at": "2020-01-01T00:00Z", "body": "x", "tags": []}
    fields |= {"created_at": "2026-01-01T00:00Z", "updated_at": "2026-01-01T00:00Z"}
    return [{"model": "articles.article", "pk": article.pk, "fields": fields}]


def everything(article):
    with connection.cursor() as cursor:
        # Behind the back of the statements' watcher.
        connection.execute_wrappers.remove(watch_statements)
        cursor.execute("UPDATE articles_article SET title = 'new'")
        connection.execute_wrappers.insert(0, watch_statements)
    invalidate_all()


WRITES = [
    save,
    save_in_transaction,
    save_with_savepoints,
    save_in_manual_transaction,
    create,
    delete,
    update,
    update_row,
    bulk_create,
    bulk_update,
    raw_sql,
    raw_sql_many,
    add_tag,
    remove_tag,
    set_tags,
    clear_tags,
    tag_from_the_other_side,
    rename_tag,
    delete_tag,
    rename_category,
    rename_author,
    everything,
]


@pytest.mark.parametrize("write", WRITES, ids=lambda write: write.__name__)
def test_another_process_reads_the_new_state(write, article):
    with remote(read_both) as read:
        before = read(article.pk)
        assert before == [snapshot(), row(article.pk)]

        write(article)

        wanted = json.loads(json.dumps([snapshot(), row(article.pk)]))
        assert wanted != before
        if write in (rename_tag, rename_category, rename_author):
            wanted[1] = before[1]  # Its tags do not name them.
        assert read(article.pk) == wanted


def test_loaded_fixtures_are_seen(article, tmp_path):
    file = tmp_path / "articles.json"
    file.write_text(json.dumps(fixture_of(article)))

    with remote(read_both) as read:
        read(article.pk)
        call_command("loaddata", file, verbosity=0)

        assert read(article.pk) == [snapshot(), row(article.pk)]
        assert read(article.pk)[0][0][0] == "new"


def test_an_admin_action_is_seen(article, client):
    Article.objects.update(status="draft")
    client.force_login(make_staff())

    with remote(read_list) as read:
        assert read() == []
        data = {"action": "publish", "_selected_action": [article.pk]}
        client.post("/en/admin/articles/article/", data)

        assert read() == snapshot() != []


def test_flush_is_seen(article):
    with remote(read_list) as read:
        assert read() != []

        call_command("flush", interactive=False, verbosity=0)

        assert read() == []


def test_migrate_voids_everything(article, loader_of):
    loader = loader_of(snapshot)
    get_or_build("list", loader, tags=MODELS)

    call_command("migrate", verbosity=0)
    get_or_build("list", loader, tags=MODELS)

    assert loader.calls == 2


def test_login_that_is_noted_voids_no_page(client, article, loader_of):
    staff = make_staff()
    loader = loader_of(snapshot)
    get_or_build("list", loader, tags=MODELS)

    client.force_login(staff)  # updates last_login
    get_or_build("list", loader, tags=MODELS)

    assert loader.calls == 1


def test_new_row_leaves_cached_rows_alone(article, loader_of):
    loader = loader_of(lambda: row(article.pk))
    tag = f"articles.article:{article.pk}"
    get_or_build(tag, loader, tags=[tag])

    create(article)
    get_or_build(tag, loader, tags=[tag])

    assert loader.calls == 1


def test_tagging_leaves_other_articles_alone(article, loader_of):
    other = make_article(category=make_category())
    loader = loader_of(lambda: row(other.pk))
    tag = f"articles.article:{other.pk}"
    get_or_build(tag, loader, tags=[tag])

    article.tags.set([make_tag(), make_tag()])
    get_or_build(tag, loader, tags=[tag])

    assert loader.calls == 1


def test_failed_statement_counts_as_a_change(loader_of):
    """Of many statements, those before the one that failed were done."""
    banner = make_banner(title="old")
    loader = loader_of(lambda: Banner.objects.get().title)
    get_or_build("title", loader, tags=["articles.banner"])

    with transaction.atomic(), connection.cursor() as cursor:
        rows = [("new", banner.pk), (None, banner.pk)]
        with pytest.raises(Exception, match="(?i)null"):
            cursor.executemany(
                "UPDATE articles_banner SET title = %s WHERE id = %s", rows
            )

    assert get_or_build("title", loader, tags=["articles.banner"]) == (
        Banner.objects.get().title
    )

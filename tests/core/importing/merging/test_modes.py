"""What becomes of rows that the table has, and of those it has not."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone

from accounts.models import User
from articles.models import Article, Tag
from core.importing import ImportFailed, Mode, import_workbook
from core.importing.merging.changes import Counts
from tests.core.importing.workbooks import save_workbook
from tests.factories import make_article, make_tag

pytestmark = pytest.mark.django_db

MODES_WITH_KEY = [Mode.INSERT_NEW, Mode.UPDATE, Mode.UPSERT]


@pytest.fixture
def tags(tmp_path):
    """Give a function that imports tags, one tuple of name and slug per row."""
    make_tag(name="Old", slug="old")
    make_tag(name="Same", slug="same")

    def import_tags(*rows, headers=("name", "slug"), **choices):
        path = save_workbook(tmp_path, [headers, *rows], sheet="Tags")
        return import_workbook(path, "articles.Tag", **choices)

    return import_tags


def names():
    return dict(Tag.objects.values_list("slug", "name"))


def refusal(call, *args, **kwargs):
    with pytest.raises(ImportFailed) as failure:
        call(*args, **kwargs)
    return str(failure.value).splitlines()[0]


def test_insert_refuses_rows_that_the_table_has(tags):
    assert refusal(tags, ("New", "new"), ("Other", "old")) == (
        'articles.xlsx, sheet Tags, cell B3 (slug): "old" is already in the table '
        "articles_tag."
    )
    assert names() == {"old": "Old", "same": "Same"}


def test_insert_new_leaves_rows_that_the_table_has(tags):
    report = tags(("New", "new"), ("Other", "old"), mode=Mode.INSERT_NEW)

    assert report.counts == Counts(inserted=1, unchanged=1)
    assert names() == {"old": "Old", "same": "Same", "new": "New"}


def test_update_changes_only_what_differs(tags):
    report = tags(("Newer", "old"), ("Same", "same"), mode=Mode.UPDATE)

    assert report.counts == Counts(updated=1, unchanged=1)
    assert names() == {"old": "Newer", "same": "Same"}


def test_update_refuses_rows_that_the_table_has_not(tags):
    assert refusal(tags, ("Newer", "old"), ("?", "lost"), mode=Mode.UPDATE) == (
        'articles.xlsx, sheet Tags, cell B3 (slug): "lost" is not in the table '
        "articles_tag."
    )
    assert names() == {"old": "Old", "same": "Same"}


def test_upsert_changes_and_adds(tags):
    rows = [("Newer", "old"), ("Same", "same"), ("New", "new")]

    report = tags(*rows, mode=Mode.UPSERT)

    assert report.counts == Counts(inserted=1, updated=1, unchanged=1)
    assert str(report) == (
        "articles.Tag: from sheet Tags, 1 rows added, 1 changed, 1 left, 0 deleted"
    )
    assert names() == {"old": "Newer", "same": "Same", "new": "New"}


def test_second_upsert_of_the_same_rows_changes_nothing(tags, announcements):
    rows = [("Newer", "old"), ("New", "new")]
    tags(*rows, mode=Mode.UPSERT)

    report = tags(*rows, mode=Mode.UPSERT, force=True)

    assert report.counts == Counts(unchanged=2)


def test_replace_deletes_what_is_not_in_the_file(tags):
    report = tags(("New", "new"), ("Other", "old"), mode=Mode.REPLACE)

    assert report.counts == Counts(inserted=2, deleted=2)
    assert names() == {"old": "Other", "new": "New"}


def test_replace_removes_the_links_of_the_rows_too(library, articles):
    make_article(tags=[make_tag()])

    import_workbook(
        articles({"tags": "python"}, extra=["tags"]),
        "articles.Article",
        mode=Mode.REPLACE,
    )

    (article,) = Article.objects.all()
    assert [tag.slug for tag in article.tags.all()] == ["python"]


def test_replace_is_refused_while_other_rows_refer_to_the_table(tags):
    make_article(tags=[Tag.objects.get(slug="old")])

    assert refusal(tags, ("New", "new"), mode=Mode.REPLACE) == (
        "Rows of articles_article_tags refer to rows of articles_tag (tag_id), so "
        "these cannot be replaced; the mode upsert changes and adds rows."
    )
    assert names() == {"old": "Old", "same": "Same"}


def test_change_of_a_letters_case_is_a_change(tags):
    report = tags(("SAME", "same"), mode=Mode.UPSERT)

    assert report.counts.updated == 1
    assert names()["same"] == "SAME"


def test_rows_are_found_as_the_keys_collation_compares(tags):
    is_equal = Tag.objects.filter(slug="OLD").exists()

    report = tags(("Newer", "OLD"), mode=Mode.UPSERT)

    assert report.counts == (Counts(updated=1) if is_equal else Counts(inserted=1))


@pytest.mark.parametrize("mode", list(Mode))
def test_dry_run_counts_what_the_import_then_does(tags, mode):
    rows = [("Newer", "old"), ("Same", "same")]
    rows += [("New", "new")] if mode is not Mode.UPDATE else []
    rows = [("New", "new")] if mode is Mode.INSERT else rows

    dry = tags(*rows, mode=mode, dry_run=True)
    before = names()
    wet = tags(*rows, mode=mode)

    assert before == {"old": "Old", "same": "Same"}
    assert dry.counts == wet.counts


@pytest.mark.parametrize("mode", MODES_WITH_KEY)
def test_key_may_not_be_blank(tags, mode):
    assert refusal(tags, ("Newer", None), mode=mode).endswith(
        "cell B2 (slug): blank; expected a value of the key."
    )


@pytest.mark.parametrize("mode", MODES_WITH_KEY)
def test_key_twice_in_the_file(tags, mode):
    assert refusal(tags, ("A", "old"), ("B", "old"), mode=mode).endswith(
        'cell B3 (slug): "old" is already in cell B2 (slug).'
    )


def test_key_of_ones_own_choice(tags):
    report = tags(("Old", "older"), mode=Mode.UPDATE, key=("name",))

    assert report.counts.updated == 1
    assert names() == {"older": "Old", "same": "Same"}


def test_key_that_is_not_unique(library, articles):
    path = articles({})

    assert refusal(
        import_workbook, path, "articles.Article", mode=Mode.UPSERT, key=("title",)
    ) == ("articles.Article: title is no unique key; expected id or slug.")


def test_key_without_column(tags):
    headers = ("name",)

    assert refusal(
        tags, ("Old",), headers=headers, mode=Mode.UPDATE, key=("slug",)
    ) == ("articles.Tag: the sheet lacks a column of the key slug.")


def test_misspelt_column_of_the_key_is_reported_as_such(tags):
    assert refusal(tags, ("old",), headers=("slgu",), mode=Mode.UPDATE).endswith(
        'cell A1 (slgu): unknown header; did you mean "slug"?'
    )


def test_unique_value_of_another_row(tags):
    assert refusal(tags, ("Same", "old"), mode=Mode.UPSERT) == (
        'articles.xlsx, sheet Tags, cell A2 (name): "Same" is already in the table '
        "articles_tag."
    )


def test_update_needs_only_the_columns_that_it_changes(library, articles, tmp_path):
    article = make_article(slug="kept", title="Kept", summary="Before")
    path = save_workbook(tmp_path, [["slug", "summary"], ["kept", "After"]])

    import_workbook(path, "articles.Article", mode=Mode.UPDATE)

    after = Article.objects.get()
    assert (after.summary, after.title, after.body_html) == (
        "After",
        "Kept",
        article.body_html,
    )
    assert after.updated_at > article.updated_at
    assert after.created_at == article.created_at


def test_fields_that_follow_others_are_changed_with_them(library, tmp_path):
    make_article(slug="kept", body="Before")
    path = save_workbook(tmp_path, [["slug", "body"], ["kept", "*After*"]])

    import_workbook(path, "articles.Article", mode=Mode.UPDATE)

    assert Article.objects.get().body_html == "<p><em>After</em></p>\n"


def test_clean_completes_rows_of_the_table(library, tmp_path):
    make_article(slug="kept", status="draft", published_at=None)
    path = save_workbook(tmp_path, [["slug", "status"], ["kept", "published"]])

    import_workbook(path, "articles.Article", mode=Mode.UPDATE)

    assert Article.objects.published().count() == 1


def test_rules_see_what_the_row_has_already(library, tmp_path, monkeypatch):
    monkeypatch.setattr(Article, "clean", lambda article: None)
    make_article(slug="dated", status="draft", published_at=timezone.now())
    path = save_workbook(tmp_path, [["slug", "status"], ["dated", "published"]])

    report = import_workbook(path, "articles.Article", mode=Mode.UPDATE)

    assert report.counts.updated == 1


def test_tags_of_a_changed_row_become_those_of_the_cell(library, tmp_path):
    python = Tag.objects.get(slug="python")
    make_article(slug="kept", tags=[make_tag(slug="gone"), python])
    rows = [["slug", "tags"], ["kept", "数据库, python"]]
    path = save_workbook(tmp_path, rows)

    report = import_workbook(path, "articles.Article", mode=Mode.UPDATE)

    assert report.counts.updated == 1
    slugs = {tag.slug for tag in Article.objects.get().tags.all()}
    assert slugs == {"数据库", "python"}


def test_row_whose_tags_are_the_same_is_unchanged(library, tmp_path):
    article = make_article(slug="kept", tags=[Tag.objects.get(slug="python")])
    path = save_workbook(tmp_path, [["slug", "tags"], ["kept", "python"]])

    report = import_workbook(path, "articles.Article", mode=Mode.UPDATE)

    assert report.counts == Counts(unchanged=1)
    assert Article.objects.get().updated_at == article.updated_at


def test_tags_stay_if_the_sheet_has_no_column_for_them(library, tmp_path):
    make_article(slug="kept", tags=[Tag.objects.get(slug="python")])
    path = save_workbook(tmp_path, [["slug", "summary"], ["kept", "After"]])

    import_workbook(path, "articles.Article", mode=Mode.UPDATE)

    assert Article.objects.get().tags.count() == 1


def test_insert_new_leaves_links_of_rows_that_the_table_has(library, articles):
    make_article(slug="slug-1", tags=[Tag.objects.get(slug="数据库")])
    path = articles({"tags": "python"}, {"tags": "python"}, extra=["tags"])

    import_workbook(path, "articles.Article", mode=Mode.INSERT_NEW)

    found = {
        article.slug: [tag.slug for tag in article.tags.all()]
        for article in Article.objects.all()
    }
    assert found == {"slug-1": ["数据库"], "slug-2": ["python"]}


def test_upsert_of_users_keeps_their_passwords(db, tmp_path):
    user = User.objects.create_user("mei", password="secret")
    path = save_workbook(
        tmp_path, [["username", "first name"], ["mei", "Mei"], ["lin", "Lin"]]
    )

    report = import_workbook(path, "accounts.User", mode=Mode.UPSERT)

    user.refresh_from_db()
    assert report.counts == Counts(inserted=1, updated=1)
    assert user.check_password("secret") and user.first_name == "Mei"
    assert not User.objects.get(username="lin").has_usable_password()


def test_announces_how_many_rows_were_added_or_changed(
    tags, announcements, django_capture_on_commit_callbacks
):
    rows = [("Newer", "old"), ("Same", "same"), ("New", "new")]

    with django_capture_on_commit_callbacks(execute=True):
        tags(*rows, mode=Mode.UPSERT)
    with django_capture_on_commit_callbacks(execute=True):
        tags(*rows, mode=Mode.UPSERT, force=True)

    assert [announced["rows"] for announced in announcements] == [2]


@pytest.mark.parametrize(
    ("stored", "cell", "updated"),
    [
        ("2024-01-31 09:30:05.123456", "2024-01-31 09:30:05.123", 0),
        ("2024-01-31 09:30:05.000456", "2024-01-31 09:30:05", 0),
        ("2024-01-31 09:30:05.123456", "2024-01-31 09:30:05.123456", 0),
        ("2024-01-31 09:30:05", "2024-01-31 09:30:05", 0),
        ("2024-01-31 09:30:05.123456", "2024-01-31 09:30:05.124", 1),
        ("2024-01-31 09:30:05.123456", "2024-01-31 09:30:05.123457", 1),
        ("2024-01-31 09:30:05.123456", "2024-01-31 09:30:05", 1),
        (None, "2024-01-31 09:30:05", 1),
        ("2024-01-31 09:30:05", None, 1),
        (None, None, 0),
    ],
)
def test_what_no_date_cell_can_tell_is_no_change(
    library, tmp_path, stored, cell, updated
):
    local = ZoneInfo("Asia/Shanghai")
    moment = stored and datetime.fromisoformat(stored).replace(tzinfo=local)
    make_article(slug="x", status="draft", published_at=moment)
    path = save_workbook(tmp_path, [["slug", "published_at"], ["x", cell]])

    report = import_workbook(path, "articles.Article", mode=Mode.UPDATE, dry_run=True)

    assert report.counts.updated == updated

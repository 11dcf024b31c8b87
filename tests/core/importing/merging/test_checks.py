"""Values that must come once."""

import pytest
from django.contrib.auth.models import Permission
from django.contrib.contenttypes.models import ContentType
from django.db import connection, models
from django.db.models import Q

from articles.models import Article, Category, Tag
from core.importing import ImportFailed, import_workbook
from tests.core.importing.workbooks import save_workbook
from tests.factories import make_article, make_tag

pytestmark = pytest.mark.django_db


def problems(path, table):
    with pytest.raises(ImportFailed) as failure:
        import_workbook(path, table)
    return [
        (found.cell or found.place, found.message) for found in failure.value.problems
    ]


def test_slug_twice_in_the_file(library, articles):
    path = articles({"slug": "same"}, {}, {"slug": "same"}, {"slug": "same"})

    assert problems(path, "articles.Article") == [
        ("B4", '"same" is already in cell B2 (slug).'),
        ("B5", '"same" is already in cell B2 (slug).'),
    ]


def test_slug_that_the_table_has(library, articles):
    make_article(slug="same")

    assert problems(articles({}, {"slug": "same"}), "articles.Article") == [
        ("B3", '"same" is already in the table articles_article.')
    ]


def test_slug_twice_in_the_file_and_in_the_table(library, articles):
    make_article(slug="same")
    path = articles({"slug": "same"}, {"slug": "same"})

    assert problems(path, "articles.Article") == [
        ("B2", '"same" is already in the table articles_article.'),
        ("B3", '"same" is already in cell B2 (slug).'),
    ]


def test_every_unique_field_is_checked(tmp_path):
    make_tag(name="Python", slug="python")
    path = save_workbook(
        tmp_path, [["name", "slug"], ["Python", "py"], ["P", "python"]]
    )

    assert [cell for cell, _message in problems(path, "articles.Tag")] == ["A2", "B3"]


def test_first_rows_are_reported_if_there_are_too_many(tmp_path, monkeypatch):
    monkeypatch.setattr("core.importing.errors.MAX_PROBLEMS", 3)
    for number in range(30):
        make_tag(slug=f"slug-{number}")
    rows = [[f"name {number}", f"slug-{number}"] for number in range(30)]

    found = problems(save_workbook(tmp_path, [["name", "slug"], *rows]), "articles.Tag")

    assert [cell for cell, _message in found] == ["B2", "B3", "B4"]


def test_many_values_are_looked_up_in_parts(tmp_path):
    make_tag(name="name 777", slug="slug-777")
    rows = [[f"name {number}", f"slug-{number}"] for number in range(1_100)]
    path = save_workbook(tmp_path, [["name", "slug"], *rows])

    found = problems(path, "articles.Tag")

    assert [cell for cell, _message in found] == ["A779", "B779"]


def test_blank_values_of_a_unique_field_are_no_duplicates(tmp_path):
    rows = [["username", "phone"], ["mei", None], ["lin", None]]

    report = import_workbook(save_workbook(tmp_path, rows), "accounts.User")

    assert report.rows == 2


def test_primary_keys_given_by_the_file(tmp_path):
    taken = make_tag().pk
    rows = [
        ["id", "name", "slug"],
        [taken, "A", "a"],
        [10**6, "B", "b"],
        [None, "C", "c"],
    ]

    found = problems(save_workbook(tmp_path, rows), "articles.Tag")

    assert found == [("A2", f"{taken} is already in the table articles_tag.")]


def test_primary_keys_given_for_some_rows(tmp_path):
    rows = [["id", "name", "slug"], [None, "A", "a"], [10**6, "B", "b"]]

    import_workbook(save_workbook(tmp_path, rows), "articles.Tag")

    assert Tag.objects.get(slug="b").pk == 10**6 != Tag.objects.get(slug="a").pk


def test_spelling_is_compared_as_the_database_does(tmp_path):
    make_tag(name="One", slug="one")
    database_ignores_case = Tag.objects.filter(slug="ONE").exists()
    rows = [["name", "slug"], ["a", "ONE"], ["b", "two"], ["c", "Two"]]
    path = save_workbook(tmp_path, rows)

    if database_ignores_case:
        assert problems(path, "articles.Tag") == [
            ("B2", '"ONE" is already in the table articles_tag.'),
            ("B4", '"Two" is already in cell B3 (slug).'),
        ]
    else:
        assert import_workbook(path, "articles.Tag").rows == 3


@pytest.fixture
def permissions(tmp_path, settings):
    """Give a function that makes a workbook for a table with a unique pair."""
    settings.IMPORTING_ALLOWED_TABLES = ["auth_permission"]
    content_type = ContentType.objects.get_for_model(Tag).pk

    def save(*codenames):
        rows = [[f"Can {name}", content_type, name] for name in codenames]
        return save_workbook(tmp_path, [["name", "content type", "codename"], *rows])

    return save


def test_unique_pair_in_the_table(permissions):
    pk = ContentType.objects.get_for_model(Tag).pk

    assert problems(permissions("bind", "add_tag"), "auth.Permission") == [
        ("B3", f'{pk}, "add_tag" is already in the table auth_permission.')
    ]


def test_unique_pair_in_the_file(permissions):
    pk = ContentType.objects.get_for_model(Tag).pk

    assert problems(permissions("bind", "bind"), "auth.Permission") == [
        ("B3", f'{pk}, "bind" is already in cell B2 (content type).')
    ]


def test_half_of_a_pair_may_repeat(permissions):
    assert import_workbook(permissions("bind", "lend"), "auth.Permission").rows == 2
    assert Permission.objects.filter(content_type__model="tag").count() == 6


@pytest.fixture
def constrained(monkeypatch):
    """Give Article one more unique constraint, in the model alone."""

    def add(**options):
        constraint = models.UniqueConstraint(name="extra", **options)
        monkeypatch.setattr(
            Article._meta, "constraints", [*Article._meta.constraints, constraint]
        )

    return add


def test_unique_constraint(library, articles, constrained):
    constrained(fields=["author", "title"])
    path = articles({"title": "Same"}, {}, {"title": "Same"})

    (found,) = problems(path, "articles.Article")

    assert found[0] == "C4" and found[1].endswith(
        '"Same" is already in cell C2 (author).'
    )


def test_unique_constraint_with_a_condition(library, articles, constrained):
    constrained(fields=["title"], condition=Q(status="published"))
    make_article(title="Same", category=Category.objects.get(slug="News"))
    make_article(title="Free", status="draft")
    row = {"title": "Same", "published_at": "2024-01-31"}
    path = articles(
        {**row, "title": "Free", "status": "published"},
        {**row, "status": "draft"},
        {**row, "status": "draft"},
        {**row, "status": "published"},
        {**row, "status": "published"},
        extra=["status", "published_at"],
    )

    assert problems(path, "articles.Article") == [
        ("A5", '"Same" is already in the table articles_article.'),
        ("A6", '"Same" is already in cell A5 (title).'),
    ]


def test_unique_values_of_wrong_cells_are_not_judged(library, articles):
    path = articles({"slug": "not a slug"}, {"slug": "not a slug"})

    assert [message for _cell, message in problems(path, "articles.Article")] == [
        '"not a slug": Enter a valid “slug” consisting of Unicode letters, numbers, '
        "underscores, or hyphens."
    ] * 2


def test_column_that_is_missing_has_no_duplicates(tmp_path):
    path = save_workbook(tmp_path, [["name"], ["A"], ["B"]])

    assert problems(path, "articles.Tag") == [
        ("", 'no column for the required field "slug".')
    ]


def test_checks_do_not_depend_on_a_transaction(tmp_path):
    # The checks take no locks, so that a long file does not stop other writers.
    path = save_workbook(tmp_path, [["name", "slug"], ["A", "a"]])

    with connection.execute_wrapper(_no_writes):
        import_workbook(path, "articles.Tag", dry_run=True)


def _no_writes(execute, sql, params, many, context):
    assert sql.lstrip().upper().startswith(("SELECT", "SHOW", "PRAGMA")), sql
    return execute(sql, params, many, context)

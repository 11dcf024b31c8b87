"""The import as a whole: everything or nothing."""

import datetime
import subprocess
import sys
from zoneinfo import ZoneInfo

import pytest
from django.db import IntegrityError, OperationalError, connection, transaction
from django.test.utils import CaptureQueriesContext

import core.importing
from accounts.models import User
from articles.models import Article, Category
from core.importing import ImportFailed, import_workbook
from core.importing.merging.merge import Merge
from core.importing.pipeline import Pipeline
from core.importing.targets.target import Target
from core.importing.targets.uniqueness import unique_rules
from core.signals import table_imported
from tests.core.importing.workbooks import save_workbook
from tests.factories import make_article


def test_imports_every_row_with_its_relations(library, articles):
    path = articles(
        {"title": "Welcome", "slug": "welcome", "tags": "python、数据库"},
        {"title": "Again", "slug": "again", "category": "News"},
        extra=["tags", "status", "published at"],
    )

    report = import_workbook(path, "articles_article")

    assert str(report) == "articles.Article: 2 rows imported from sheet Articles"
    welcome, again = Article.objects.order_by("pk")
    assert welcome.author.username == "mei"
    assert [tag.slug for tag in welcome.tags.order_by("pk")] == ["python", "数据库"]
    assert (again.category.slug, list(again.tags.all())) == ("News", [])


def test_body_is_rendered_and_times_are_set(library, articles):
    import_workbook(articles({"body": "Some *words*."}), "articles.Article")

    article = Article.objects.get()
    assert article.body_html == "<p>Some <em>words</em>.</p>\n"
    assert article.created_at is not None and article.updated_at is not None


def test_fields_without_column_get_their_default(library, articles):
    import_workbook(articles({}), "articles.Article")

    article = Article.objects.get()
    assert (article.status, article.summary, article.published_at) == (
        "draft",
        "",
        None,
    )


def test_dates_are_local_time(library, articles, settings):
    settings.TIME_ZONE = "Asia/Shanghai"
    moment = datetime.datetime.fromisoformat("2024-01-31T09:30")
    path = articles({"published_at": moment}, extra=["published_at"])

    import_workbook(path, "articles.Article")

    assert Article.objects.get().published_at == moment.replace(
        tzinfo=ZoneInfo("Asia/Shanghai")
    )


def test_reads_the_sheet_asked_for(library, articles):
    path = articles({}, sheet="New ones")

    report = import_workbook(path, "articles.Article", sheet="new ones")

    assert (report.sheet, report.rows) == ("New ones", 1)


def test_counts_blank_rows_between_rows_only(db, tmp_path):
    a, b, c = ["A", "a"], ["B", "b"], ["C", "c"]
    rows = [["name", "slug"], a, [], [None, "  "], b, [], c, [], [" "]]
    path = save_workbook(tmp_path, rows, sheet="Tags")

    report = import_workbook(path, "articles.Tag")

    assert (report.rows, report.blank_rows) == (3, 3)
    assert str(report) == (
        "articles.Tag: 3 rows imported from sheet Tags (3 blank rows skipped)"
    )


def test_header_is_the_first_row_with_content(db, tmp_path):
    path = save_workbook(tmp_path, [[], [], ["name", "slug"], ["A", "a"]])

    report = import_workbook(path, "articles.Tag")

    assert (report.rows, report.blank_rows) == (1, 0)


def test_one_bad_cell_stops_all_rows(library, articles):
    path = articles({}, {"category": "Sprot"}, {})

    with pytest.raises(ImportFailed) as failure:
        import_workbook(path, "articles.Article")

    assert str(failure.value) == (
        "articles.xlsx, sheet Articles, cell D3 (category): "
        'unknown "Sprot"; did you mean "Sport"?\n'
        "articles.xlsx: 1 problem; nothing was written."
    )
    assert not Article.objects.exists()


def test_every_bad_cell_is_reported_in_the_order_of_the_sheet(library, articles):
    path = articles(
        {"title": "x" * 201, "slug": "no slug!", "author": "me"},
        {"body": None, "status": "hidden"},
        extra=["status"],
    )

    with pytest.raises(ImportFailed) as failure:
        import_workbook(path, "articles.Article")

    found = [(problem.cell, problem.reason.value) for problem in failure.value.problems]
    assert found == [
        ("A2", "too_long"),
        ("B2", "invalid"),
        ("C2", "unknown_relation"),
        ("E3", "blank"),
        ("F3", "unknown_choice"),
    ]


def test_problems_of_header_and_rows_are_reported_together(library, articles):
    path = articles({"category": "Sprot", "colour": "red"}, extra=["colour"])

    with pytest.raises(ImportFailed) as failure:
        import_workbook(path, "articles.Article")

    assert [problem.cell for problem in failure.value.problems] == ["F1", "D2"]


def test_dry_run_checks_and_writes_nothing(library, articles, announcements):
    report = import_workbook(articles({}, {}), "articles.Article", dry_run=True)

    assert str(report) == (
        "articles.Article: 2 rows of sheet Articles can be imported; "
        "this was a dry run, nothing was written"
    )
    assert not Article.objects.exists()


def test_dry_run_finds_what_the_import_would(library, articles):
    make_article(slug="slug-1")

    with pytest.raises(ImportFailed, match="already in the table"):
        import_workbook(articles({}), "articles.Article", dry_run=True)


def test_empty_sheet(db, tmp_path):
    path = save_workbook(tmp_path, [], name="tags.xlsx", sheet="Tags")

    with pytest.raises(ImportFailed) as failure:
        import_workbook(path, "articles.Tag")

    assert str(failure.value) == "tags.xlsx, sheet Tags: the sheet is empty."


def test_header_alone(db, tmp_path):
    path = save_workbook(tmp_path, [["name", "slug"], []], name="tags.xlsx")

    with pytest.raises(ImportFailed) as failure:
        import_workbook(path, "articles.Tag")

    assert str(failure.value) == (
        "tags.xlsx, sheet Articles: there are no rows below the header."
    )


def test_number_of_queries_does_not_grow_with_the_rows(library, articles):
    def queries(first, last):
        rows = [
            {"slug": f"s{number}", "tags": "python"} for number in range(first, last)
        ]
        path = articles(*rows, extra=["tags"])
        with CaptureQueriesContext(
            connection,
        ) as captured:
            import_workbook(path, "articles.Article")
        return len(captured)

    few, many = queries(0, 3), queries(3, 63)

    assert many == few
    assert Article.objects.filter(tags__slug="python").count() == 63


def test_rows_with_tags_that_the_database_cannot_find_again(
    library, articles, monkeypatch
):
    rules = [rule for rule in unique_rules(Article) if "slug" not in rule.names]
    monkeypatch.setattr(Target, "unique_rules", rules)
    path = articles({"tags": "python"}, extra=["tags"])

    with pytest.raises(ImportFailed) as failure:
        import_workbook(path, "articles.Article")

    assert str(failure.value) == (
        "articles.Article: this database finds the new rows again by a unique column, "
        "which is blank in a row; leave out the many-to-many columns."
    )
    assert not Article.objects.exists()


def test_users_get_an_unusable_password(db, tmp_path):
    path = save_workbook(tmp_path, [["username"], ["mei"], ["lin"]])

    import_workbook(path, "accounts.User")

    mei, lin = User.objects.all()
    assert not mei.has_usable_password() and not lin.has_usable_password()
    assert mei.password != lin.password


@pytest.mark.parametrize("header", ["password", "is_staff", "is_superuser", "groups"])
def test_users_get_no_rights_and_no_password_from_a_cell(db, tmp_path, header):
    path = save_workbook(tmp_path, [["username", header], ["mei", "1"]])

    with pytest.raises(ImportFailed) as failure:
        import_workbook(path, "accounts.User")

    assert str(failure.value).splitlines()[0] == (
        f"articles.xlsx, sheet Articles, cell B1 ({header}): "
        f'the field "{header}" is closed to imports; remove the column.'
    )
    assert not User.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_announces_the_table_after_the_commit(library, articles, announcements):
    def count_rows(**kwargs):
        assert not connection.in_atomic_block
        counted.append(Article.objects.count())

    counted = []
    table_imported.connect(count_rows)
    path = articles({}, {})

    import_workbook(path, "articles.Article")

    table_imported.disconnect(count_rows)
    assert counted == [2]
    assert announcements == [
        {"sender": Article, "table": "articles_article", "using": "default", "rows": 2}
    ]


@pytest.mark.django_db(transaction=True)
def test_announces_nothing_when_the_caller_rolls_back(library, articles, announcements):
    path = articles({})

    with pytest.raises(ZeroDivisionError), transaction.atomic():
        import_workbook(path, "articles.Article")
        raise ZeroDivisionError

    assert not Article.objects.exists()
    assert announcements == []


@pytest.mark.django_db(transaction=True)
def test_announces_no_failure_and_no_dry_run(library, articles, announcements):
    import_workbook(articles({}), "articles.Article", dry_run=True)
    with pytest.raises(ImportFailed):
        import_workbook(articles({"author": "nobody"}), "articles.Article")

    assert announcements == []


@pytest.mark.django_db(transaction=True)
def test_failing_receiver_does_not_undo_the_import(
    library, articles, announcements, caplog
):
    def fail(**kwargs):
        raise LookupError

    table_imported.connect(fail)

    import_workbook(articles({}), "articles.Article")

    table_imported.disconnect(fail)
    assert Article.objects.count() == len(announcements) == 1
    assert "LookupError" in caplog.text


@pytest.fixture
def meanwhile(monkeypatch):
    """Let another writer act between the last check and the first statement."""

    def act(action):
        merge = Pipeline.merge

        def merge_late(self, *args):
            action()
            merge(self, *args)

        monkeypatch.setattr(Pipeline, "merge", merge_late)

    return act


@pytest.mark.django_db(transaction=True)
def test_slug_taken_meanwhile_rolls_everything_back(
    library, articles, announcements, meanwhile
):
    meanwhile(lambda: make_article(slug="slug-2", category=Category.objects.first()))

    with pytest.raises(ImportFailed) as failure:
        import_workbook(articles({}, {}, {}), "articles.Article")

    assert isinstance(failure.value.__cause__, IntegrityError)
    message = str(failure.value)
    assert message.startswith(
        "articles.xlsx, sheet Articles: the database refused the rows ("
    )
    assert message.endswith(
        "), probably because another writer changed the data meanwhile; "
        "nothing was written, so the import can be repeated."
    )
    assert [article.slug for article in Article.objects.all()] == ["slug-2"]
    assert announcements == []


@pytest.mark.django_db(transaction=True)
def test_category_deleted_meanwhile_rolls_everything_back(
    library, articles, announcements, meanwhile
):
    meanwhile(lambda: Category.objects.filter(slug="News").delete())
    path = articles({}, {"category": "News", "tags": "python"}, extra=["tags"])

    with pytest.raises(ImportFailed, match="the database refused the rows"):
        import_workbook(path, "articles.Article")

    assert not Article.objects.exists()
    assert not Article.tags.through.objects.exists()
    assert announcements == []


@pytest.mark.parametrize("code", [1205, 1213])
def test_lost_lock_is_told_in_one_sentence(library, articles, monkeypatch, code):
    def lose(self, mode, counts):
        raise OperationalError(code, "Deadlock found when trying to get lock")

    monkeypatch.setattr(Merge, "run", lose)

    with pytest.raises(ImportFailed, match=r"refused the rows \(Deadlock found when"):
        import_workbook(articles({}), "articles.Article")


def test_lost_connection_is_not_called_a_refusal(library, articles, monkeypatch):
    def lose(self, mode, counts):
        raise OperationalError(2013, "Lost connection to MySQL server during query")

    monkeypatch.setattr(Merge, "run", lose)

    with pytest.raises(OperationalError, match="Lost connection"):
        import_workbook(articles({}), "articles.Article")


def test_processes_that_import_nothing_load_no_workbook_parser(settings):
    code = "import core.importing.apps, sys; sys.exit('core.importing.reading' in sys.modules)"

    process = subprocess.run(
        [sys.executable, "-c", code], cwd=settings.BASE_DIR, check=False
    )

    assert process.returncode == 0


@pytest.mark.parametrize("name", core.importing.__all__)
def test_public_names(name):
    assert getattr(core.importing, name).__name__ == name


def test_names_that_are_not_public():
    with pytest.raises(AttributeError, match="has no attribute 'import_everything'"):
        _ = core.importing.import_everything

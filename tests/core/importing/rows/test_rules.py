"""Rules of a model that look at a whole row."""

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, models
from django.db.models import F, Q, Value
from django.db.models.functions import Length
from django.test.utils import isolate_apps

from articles.models import Article, Banner, Category
from core.importing import ImportFailed, import_workbook
from core.importing.targets.conditions import NotJudgeable, compiled, fields_of
from tests.core.importing.workbooks import save_workbook


@pytest.fixture
def shelf():
    with isolate_apps("articles"):

        class Shelf(models.Model):
            a = models.IntegerField(null=True)
            b = models.IntegerField(null=True)
            text = models.CharField(max_length=9)
            category = models.ForeignKey(Category, models.CASCADE, null=True)

            class Meta:
                app_label = "articles"

            def __str__(self):
                return self.text

        yield Shelf


@pytest.mark.parametrize(
    ("condition", "values", "judgement"),
    [
        (Q(a=1), {"a": 1}, True),
        (Q(a=1), {"a": 2}, False),
        (Q(a="1"), {"a": 1}, True),
        (Q(a=1), {"a": None}, None),
        (Q(a=None), {"a": None}, True),
        (Q(a__isnull=True), {"a": None}, True),
        (Q(a__isnull=False), {"a": None}, False),
        (Q(a__in=[1, 2]), {"a": 2}, True),
        (Q(a__in=[1, 2]), {"a": 3}, False),
        (Q(a__gt=1), {"a": 1}, False),
        (Q(a__gte=1), {"a": 1}, True),
        (Q(a__lt=1), {"a": 0}, True),
        (Q(a__lte=1), {"a": 2}, False),
        (Q(a__range=(1, 3)), {"a": 3}, True),
        (Q(a__gt=F("b")), {"a": 2, "b": 1}, True),
        (Q(a__gt=F("b")), {"a": 1, "b": 2}, False),
        (Q(a__gt=F("b")), {"a": 1, "b": None}, None),
        (Q(a=Value(1)), {"a": 1}, True),
        (Q(text__startswith="+"), {"text": "+1"}, True),
        (Q(text__endswith="+"), {"text": "+1"}, False),
        (Q(text__contains="b"), {"text": "abc"}, True),
        (Q(text__gt="a"), {"text": "b"}, None),
        (Q(category=7), {"category_id": 7}, True),
        (Q(category_id=7), {"category_id": 8}, False),
        (~Q(a=1), {"a": 1}, False),
        (~Q(a=1), {"a": None}, None),
        (Q(a=1) & Q(b=1), {"a": 1, "b": 1}, True),
        (Q(a=1) & Q(b=1), {"a": 2, "b": None}, False),
        (Q(a=1) & Q(b=1), {"a": 1, "b": None}, None),
        (Q(a=1) | Q(b=1), {"a": None, "b": 1}, True),
        (Q(a=1) | Q(b=1), {"a": None, "b": 2}, None),
        (Q(a=1) | Q(b=1), {"a": 2, "b": 2}, False),
        (Q(a=1) ^ Q(b=1), {"a": 1, "b": 1}, False),
        (Q(a=1) ^ Q(b=1), {"a": 1, "b": 2}, True),
        (Q(a=1) ^ Q(b=1), {"a": 1, "b": None}, None),
    ],
)
def test_conditions(shelf, condition, values, judgement):
    assert compiled(condition, shelf)(shelf(**values)) is judgement


@pytest.mark.parametrize(
    "condition",
    [
        Q(text__iexact="a"),
        Q(text__length__gt=3),
        Q(a__gt=F("b") + 1),
        Q(a__gt=Length("text")),
        Q(Value(True)),
        Q(a="many"),
        Q(category__slug="a"),
    ],
)
def test_conditions_that_only_the_database_can_judge(shelf, condition):
    with pytest.raises(NotJudgeable):
        compiled(condition, shelf)


def test_fields_of_a_condition(shelf):
    condition = ~Q(a=1) | Q(b__gt=F("category_id"))

    assert fields_of(condition, shelf) == {"a", "b", "category"}


def test_broken_rule_names_the_values(db, tmp_path, settings):
    settings.TIME_ZONE = "Asia/Shanghai"
    rows = [
        ["title", "shown from", "shown until"],
        ["A", "2024-01-31", "2024-01-30"],
        ["B", "2024-01-31", None],
    ]

    with pytest.raises(ImportFailed) as failure:
        import_workbook(save_workbook(tmp_path, rows), "articles.Banner")

    assert str(failure.value).splitlines() == [
        "articles.xlsx, sheet Articles, cell B2 (shown from): The banner would end "
        "before it starts. (shown from: 2024-01-31 00:00:00+08:00, "
        "shown until: 2024-01-30 00:00:00+08:00)",
        "articles.xlsx: 1 problem; nothing was written.",
    ]


def test_rule_about_a_field_without_column(library, articles, monkeypatch):
    monkeypatch.setattr(Article, "clean", lambda article: None)

    with pytest.raises(ImportFailed) as failure:
        import_workbook(
            articles({"status": "published"}, extra=["status"]), "articles.Article"
        )

    assert str(failure.value).splitlines()[0] == (
        "articles.xlsx, sheet Articles, cell F2 (status): A published article needs a "
        'time. (status: "published", published at: blank)'
    )


def test_rule_is_silent_about_a_field_that_is_wrong_itself(library, articles):
    path = articles(
        {"status": "published", "published_at": "soon"},
        extra=["status", "published_at"],
    )

    with pytest.raises(ImportFailed) as failure:
        import_workbook(path, "articles.Article")

    assert [problem.cell for problem in failure.value.problems] == ["G2"]


def test_clean_of_the_model_completes_rows_before_the_rules(library, articles):
    path = articles({"status": "published"}, extra=["status"])

    import_workbook(path, "articles.Article")

    assert Article.objects.published().count() == 1


def test_clean_of_the_model_is_asked(library, articles, monkeypatch):
    def clean(article):
        if article.title == "Title 2":
            raise ValidationError({"title": "Say more."})
        if article.title == "Title 3":
            raise ValidationError("Not today.")

    monkeypatch.setattr(Article, "clean", clean)

    with pytest.raises(ImportFailed) as failure:
        import_workbook(articles({}, {}, {}), "articles.Article")

    assert str(failure.value).splitlines()[:2] == [
        "articles.xlsx, sheet Articles, cell A3 (title): Say more.",
        "articles.xlsx, sheet Articles, row 4: Not today.",
    ]


def test_clean_of_the_model_is_not_asked_about_wrong_values(
    library, articles, monkeypatch
):
    asked = []
    monkeypatch.setattr(Article, "clean", lambda article: asked.append(article.title))

    with pytest.raises(ImportFailed):
        import_workbook(articles({}, {"author": "nobody"}), "articles.Article")

    assert asked == ["Title 1"]


@pytest.mark.django_db(transaction=True)
def test_rule_that_python_cannot_judge_is_kept_by_the_database(
    tmp_path, announcements, monkeypatch
):
    monkeypatch.setattr("core.importing.rows.rules.checks_of", lambda model: [])
    rows = [
        ["title", "shown from", "shown until"],
        ["A", "2024-01-31", None],
        ["B", "2024-01-31", "2024-01-30"],
    ]

    with pytest.raises(ImportFailed, match="the database refused the rows") as failure:
        import_workbook(save_workbook(tmp_path, rows), "articles.Banner")

    assert isinstance(failure.value.__cause__, IntegrityError)
    assert not Banner.objects.exists()
    assert announcements == []

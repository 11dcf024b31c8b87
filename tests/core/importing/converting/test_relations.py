"""Cells that name rows of other tables."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import Department, User
from articles.models import Article, Category
from core.importing import ImportFailed, import_workbook
from core.importing.converting.relations import ManyRelations, Relation
from core.importing.errors import BadCell
from core.importing.reading import Cell, Kind
from core.importing.targets.fields import natural_key
from tests.core.importing.cells import as_cell
from tests.core.importing.workbooks import save_workbook
from tests.factories import make_article, make_category, make_tag, make_user

pytestmark = pytest.mark.django_db


def relation(name, *, by_pk=False):
    field = Article._meta.get_field(name)
    other = field.related_model
    relation_class = ManyRelations if field.many_to_many else Relation
    return relation_class(
        field, other._meta.pk if by_pk else natural_key(other), "default"
    )


def resolved(relation, *values):
    cells = [as_cell(value) for value in values]
    relation.prepare(cells)
    return [relation.parser(cell.kind)(cell.text) for cell in cells]


def sentence(relation, value):
    with pytest.raises(BadCell) as bad:
        resolved(relation, value)
    return bad.value.message


def test_users_by_username_and_categories_by_slug(library):
    mei = User.objects.get(username="mei")
    news = Category.objects.get(slug="News")

    assert resolved(relation("author"), " mei ") == [mei.pk]
    assert resolved(relation("category"), "News") == [news.pk]


def test_numbers_can_be_names():
    year = make_category(slug="2024")

    categories = relation("category")

    assert resolved(categories, 2024.0) == [year.pk]


def test_primary_keys_when_the_header_says_so():
    category = make_category()

    categories = relation("category", by_pk=True)

    assert resolved(categories, float(category.pk)) == [category.pk]
    assert sentence(categories, 10**9) == (
        "unknown 1000000000; expected the ID of an existing category."
    )
    assert sentence(categories, "News") == '"News"; expected a whole number.'


def test_unknown_name_gets_a_suggestion(library):
    categories = relation("category")

    assert sentence(categories, "Sprot") == ('unknown "Sprot"; did you mean "Sport"?')


def test_names_are_compared_as_the_column_compares_them(library):
    """Where the collation ignores case, no second "sport" could exist beside it."""
    is_equal = Category.objects.filter(slug="sport").exists()
    sport = Category.objects.get(slug="Sport")

    if is_equal:
        found = resolved(relation("category"), "sport", "Sport", "SPORT")
        assert found == [sport.pk] * 3
    else:
        assert sentence(relation("category"), "sport") == (
            'unknown "sport"; did you mean "Sport"?'
        )


def test_unknown_name_without_resemblance(library):
    assert sentence(relation("author"), "zzz") == (
        'unknown "zzz"; expected the username of an existing user.'
    )


def test_error_value_in_a_relation(library):
    categories = relation("category")

    assert sentence(categories, Cell(Kind.ERROR, "#N/A")) == (
        "the error value #N/A; expected a value."
    )


@pytest.mark.parametrize(
    "value",
    ["b, a", "b，a", "b、a", "b;a", "b；a", "b\na", ",b,, a,", "b, a, b"],
)
def test_several_names_in_a_cell(value):
    a, b = make_tag(slug="a"), make_tag(slug="b")

    assert resolved(relation("tags"), value) == [[b.pk, a.pk]]


def test_every_unknown_name_of_a_cell_is_reported(library):
    categories = relation("tags")

    assert sentence(categories, "pyton, python, xyz") == (
        'unknown "pyton"; did you mean "python"? '
        'unknown "xyz"; expected the slug of an existing tag.'
    )


def test_one_query_for_many_cells(library):
    categories = relation("category")
    cells = ["Sport", "News"] * 50

    with CaptureQueriesContext(connection) as captured:
        resolved(categories, *cells)
        resolved(categories, *cells)

    assert len(captured) == 1


def test_two_queries_if_there_is_an_unknown_name(library):
    categories = relation("category")

    with CaptureQueriesContext(connection) as captured:
        for _number in range(30):
            sentence(categories, "Sprot")
            categories.prepare([as_cell("Sport")])

    assert len(captured) == 3  # the names of two cells, and names to suggest


def test_suggestions_are_limited(library, monkeypatch):
    monkeypatch.setattr("core.importing.converting.relations.MAX_SUGGESTIONS", 1)
    categories = relation("category")

    categories.prepare([as_cell("Sprot"), as_cell("Spotr")])

    assert sentence(categories, "Sprot").endswith('did you mean "Sport"?')
    assert sentence(categories, "Spotr").endswith(
        "expected the slug of an existing category."
    )


def test_limits_on_the_choice_of_rows_are_kept(library, monkeypatch):
    field = Article._meta.get_field("category")
    monkeypatch.setattr(
        field.remote_field, "limit_choices_to", {"name__startswith": "N"}
    )
    categories = relation("category")

    assert len(resolved(categories, "News")) == 1
    assert sentence(categories, "Sport") == (
        'unknown "Sport"; expected the slug of an existing category.'
    )


def test_relation_that_may_be_blank(tmp_path):
    Department.objects.create(name="Desk")
    rows = [["username", "department"], ["mei", "Desk"], ["lin", None]]

    import_workbook(save_workbook(tmp_path, rows), "accounts.User")

    found = dict(User.objects.values_list("username", "department__name"))
    assert found == {"mei": "Desk", "lin": None}


def test_relation_that_must_not_be_blank(library, articles):
    with pytest.raises(ImportFailed) as failure:
        import_workbook(articles({"author": None}), "articles.Article")

    assert str(failure.value).splitlines()[0] == (
        "articles.xlsx, sheet Articles, cell C2 (author): blank; expected a value."
    )


def test_existing_relations_of_other_rows_stay(library, articles):
    before = make_article(author=make_user(), tags=[make_tag(slug="old")])

    import_workbook(articles({"tags": "python"}, extra=["tags"]), "articles.Article")

    assert [tag.slug for tag in before.tags.all()] == ["old"]

"""Cells that name rows of other tables."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import Department, User
from articles.models import Article, Category
from core.importing import ImportFailed, import_workbook
from core.importing.errors import BadCell
from core.importing.headers import Column
from core.importing.reader import Cell, CellKind
from core.importing.relations import ManyRelations, Relation
from tests.core.importing.workbooks import save_workbook
from tests.factories import make_article, make_category, make_tag, make_user

pytestmark = pytest.mark.django_db


def text(value):
    return Cell(CellKind.TEXT, value)


def column(name, *, by_pk=False):
    return Column(1, name, Article._meta.get_field(name), by_pk)


def resolved(relation, *cells):
    relation.prepare(cells)
    return [relation(cell) for cell in cells]


def sentence(relation, cell):
    relation.prepare([cell])
    with pytest.raises(BadCell) as bad:
        relation(cell)
    return bad.value.message


def test_users_by_username_and_categories_by_slug(library):
    mei = User.objects.get(username="mei")
    news = Category.objects.get(slug="News")

    assert resolved(Relation(column("author"), "default"), text(" mei ")) == [mei.pk]
    assert resolved(Relation(column("category"), "default"), text("News")) == [news.pk]


def test_numbers_can_be_names():
    year = make_category(slug="2024")

    relation = Relation(column("category"), "default")

    assert resolved(relation, Cell(CellKind.NUMBER, 2024.0)) == [year.pk]


def test_primary_keys_when_the_header_says_so():
    category = make_category()

    relation = Relation(column("category", by_pk=True), "default")

    assert resolved(relation, Cell(CellKind.NUMBER, float(category.pk))) == [
        category.pk
    ]
    assert sentence(relation, Cell(CellKind.NUMBER, 10**9)) == (
        "unknown 1000000000; expected the ID of an existing category."
    )
    assert sentence(relation, text("News")) == '"News"; expected a whole number.'


def test_unknown_name_gets_a_suggestion(library):
    relation = Relation(column("category"), "default")

    assert sentence(relation, text("Sprot")) == (
        'unknown "Sprot"; did you mean "Sport"?'
    )


def test_names_are_compared_exactly_whatever_the_collation(library):
    relation = Relation(column("category"), "default")

    assert sentence(relation, text("sport")) == (
        'unknown "sport"; did you mean "Sport"?'
    )


def test_unknown_name_without_resemblance(library):
    assert sentence(Relation(column("author"), "default"), text("zzz")) == (
        'unknown "zzz"; expected the username of an existing user.'
    )


def test_error_value_in_a_relation(library):
    relation = Relation(column("category"), "default")

    assert sentence(relation, Cell(CellKind.ERROR, "#N/A")) == (
        "the error value #N/A; expected a value."
    )


@pytest.mark.parametrize(
    "value",
    ["b, a", "b，a", "b、a", "b;a", "b；a", "b\na", ",b,, a,", "b, a, b"],
)
def test_several_names_in_a_cell(value):
    a, b = make_tag(slug="a"), make_tag(slug="b")

    assert resolved(ManyRelations(column("tags"), "default"), text(value)) == [
        [b.pk, a.pk]
    ]


def test_every_unknown_name_of_a_cell_is_reported(library):
    relation = ManyRelations(column("tags"), "default")

    assert sentence(relation, text("pyton, python, xyz")) == (
        'unknown "pyton"; did you mean "python"? '
        'unknown "xyz"; expected the slug of an existing tag.'
    )


def test_one_query_for_many_cells(library):
    relation = Relation(column("category"), "default")
    cells = [text("Sport"), text("News")] * 50

    with CaptureQueriesContext(connection) as captured:
        resolved(relation, *cells)
        resolved(relation, *cells)

    assert len(captured) == 1


def test_two_queries_if_there_is_an_unknown_name(library):
    relation = Relation(column("category"), "default")

    with CaptureQueriesContext(connection) as captured:
        for _number in range(30):
            sentence(relation, text("Sprot"))
            relation.prepare([text("Sport")])

    assert len(captured) == 3  # the names of two cells, and names to suggest


def test_suggestions_are_limited(library, monkeypatch):
    monkeypatch.setattr("core.importing.relations.MAX_SUGGESTIONS", 1)
    relation = Relation(column("category"), "default")

    relation.prepare([text("Sprot"), text("Spotr")])

    assert sentence(relation, text("Sprot")).endswith('did you mean "Sport"?')
    assert sentence(relation, text("Spotr")).endswith(
        "expected the slug of an existing category."
    )


def test_limits_on_the_choice_of_rows_are_kept(library, monkeypatch):
    field = Article._meta.get_field("category")
    monkeypatch.setattr(
        field.remote_field, "limit_choices_to", {"name__startswith": "N"}
    )
    relation = Relation(column("category"), "default")

    assert len(resolved(relation, text("News"))) == 1
    assert sentence(relation, text("Sport")) == (
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

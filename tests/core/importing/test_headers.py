"""Which column fills which field."""

import pytest
from django.utils import translation

from accounts.models import User
from articles.models import Article
from core.importing import ImportFailed, import_workbook
from core.importing.errors import Problems
from core.importing.headers import read_header
from core.importing.reading.cells import Layouts
from core.importing.request import ImportRequest
from core.importing.targets.target import find_target
from tests.core.importing.cells import as_cell
from tests.core.importing.workbooks import SHEET, rewrite_part, save_workbook, typed

pytestmark = pytest.mark.django_db

REQUIRED = ["title", "slug", "author", "category", "body"]


def match(table, *headers, **request):
    """Give columns (index, field, lookup) and problems (cell, sentence)."""
    cells = [
        (index, as_cell(header))
        for index, header in enumerate(headers, start=1)
        if header is not None
    ]
    row = Layouts().row(1, cells, hidden=False)
    problems = Problems("articles.xlsx", "Articles")
    target = find_target(table, "default")
    header = read_header(row, target, ImportRequest(table, **request), problems)
    return (
        [
            (column.index, column.field.name, column.lookup and column.lookup.name)
            for column in header.columns
        ],
        [(problem.cell, problem.message) for problem in problems],
    )


@pytest.mark.parametrize(
    "header",
    [
        "published_at",
        "published at",
        "Published At",
        "publishedat",
        " PUBLISHED\u3000AT ",
        "ｐｕｂｌｉｓｈｅｄ　ａｔ",
    ],
)
def test_spellings_of_a_header(header):
    columns, problems = match("articles.Article", *REQUIRED, header)

    assert columns[-1] == (6, "published_at", None)
    assert problems == []


def test_headers_in_chinese_while_english_is_active(chinese):
    chinese(title="标题", slug="短 链接", published_at="发布时间")

    with translation.override("en"):
        columns, problems = match(
            "articles.Article", "标题", "短链接", *REQUIRED[2:], "发布 时间"
        )

    names = [name for _index, name, _by_pk in columns]
    assert names == ["title", "slug", "author", "category", "body", "published_at"]
    assert problems == []


def test_headers_in_english_while_chinese_is_active(chinese):
    chinese(published_at="发布时间")

    with translation.override("zh-hans"):
        columns, _problems = match("articles.Article", *REQUIRED, "published at")

    assert columns[-1] == (6, "published_at", None)


def test_column_name_of_a_relation_means_primary_keys():
    columns, _problems = match(
        "articles.Article", "title", "slug", "author_id", "category", "body"
    )

    assert columns[2:4] == [(3, "author", "id"), (4, "category", "slug")]


def test_unknown_header_gets_a_suggestion():
    _columns, problems = match("articles.Article", *REQUIRED, "titel", "pubished at")

    assert problems == [
        ("F1", 'unknown header; did you mean "title"?'),
        ("G1", 'unknown header; did you mean "published at"?'),
    ]


def test_suggestion_in_chinese(chinese):
    chinese(published_at="发布时间")

    _columns, problems = match("articles.Article", *REQUIRED, "发布日期时间")

    assert problems == [("F1", 'unknown header; did you mean "发布时间"?')]


def test_unknown_header_without_resemblance_lists_the_fields():
    _columns, problems = match("articles.Tag", "name", "slug", "xyz")

    assert problems == [
        ("C1", "unknown header; expected one of: id, name, slug."),
    ]


def test_duplicate_header_in_another_spelling():
    _columns, problems = match("articles.Article", *REQUIRED, "Title")

    assert problems == [
        ("F1", 'duplicate header; the field "title" has column "title" already.')
    ]


def test_duplicate_header_in_another_language(chinese):
    chinese(title="标题")

    _columns, problems = match("articles.Article", "标题", *REQUIRED)

    assert problems == [
        ("B1", 'duplicate header; the field "title" has column "标题" already.')
    ]


def test_header_that_fits_two_fields(chinese):
    chinese(name="名", slug="名")

    _columns, problems = match("articles.Tag", "name", "slug", "名")

    assert problems == [
        ("C1", "the header fits several fields; expected one of: name, slug.")
    ]


def test_name_in_the_code_wins_over_a_verbose_name(chinese):
    chinese(name="slug", slug="短链接")

    columns, problems = match("articles.Tag", "name", "slug")

    assert [name for _index, name, _by_pk in columns] == ["name", "slug"]
    assert problems == []


def test_missing_columns_are_named():
    columns, problems = match("articles.Article", "title", "author", "body")

    assert len(columns) == 3
    assert problems == [
        ("", 'no column for the required field "slug".'),
        ("", 'no column for the required field "category".'),
    ]


def test_column_for_a_field_that_the_site_fills():
    _columns, problems = match("articles.Article", *REQUIRED, "created at")

    assert problems == [
        ("F1", 'the field "created_at" is closed to imports; remove the column.')
    ]


def test_sheet_with_very_many_headers():
    with pytest.raises(ImportFailed) as failure:
        match("articles.Tag", *(f"column {number}" for number in range(1_001)))

    assert str(failure.value) == (
        "articles.xlsx, sheet Articles: row 1 has 1001 headers; expected at most 1000."
    )


def test_sentences_name_file_sheet_and_header(tmp_path):
    path = save_workbook(tmp_path, [["name", "slag"], ["A", "a"]], sheet="Tags")

    with pytest.raises(ImportFailed) as failure:
        import_workbook(path, "articles.Tag")

    assert str(failure.value).splitlines() == [
        'articles.xlsx, sheet Tags: no column for the required field "slug".',
        "articles.xlsx, sheet Tags, cell B1 (slag): "
        'unknown header; did you mean "slug"?',
        "articles.xlsx: 2 problems; nothing was written.",
    ]


def test_blank_header_above_data(tmp_path):
    rows = [["name", "slug"], ["A", "a"], ["B", "b", None, "?"], ["C", "c", None, "!"]]
    path = save_workbook(tmp_path, rows)

    with pytest.raises(ImportFailed) as failure:
        import_workbook(path, "articles.Tag")

    assert [(found.cell, found.message) for found in failure.value.problems] == [
        ("D1", "blank header above data in D3.")
    ]


def test_stray_value_in_the_last_column(tmp_path):
    path = save_workbook(tmp_path, [["name", "slug"], ["A", "a", "?"]])
    rewrite_part(path, SHEET, ('r="C2"', 'r="XFD2"'))

    with pytest.raises(ImportFailed) as failure:
        import_workbook(path, "articles.Tag")

    assert str(failure.value).splitlines()[0] == (
        "articles.xlsx, sheet Articles, cell XFD1: blank header above data in XFD2."
    )


def test_blank_header_above_nothing_is_no_problem(tmp_path):
    path = save_workbook(tmp_path, [["name", None, "slug"], ["A", None, "a"]])

    assert import_workbook(path, "articles.Tag").rows == 1


def test_error_value_as_header(tmp_path):
    path = save_workbook(tmp_path, [["name", "slug", typed("#REF!", "e")], ["A", "a"]])

    with pytest.raises(ImportFailed) as failure:
        import_workbook(path, "articles.Tag")

    assert str(failure.value).splitlines()[0] == (
        "articles.xlsx, sheet Articles, cell C1 (#REF!): "
        "the error value #REF!; expected a value."
    )


def test_chinese_workbook_is_imported(chinese, library, tmp_path):
    chinese(
        title="标题",
        slug="短链接",
        author="作者",
        category="分类",
        tags="标签",
        body="正文",
        status="状态",
        published="已发布",
        published_at="发布时间",
    )
    path = save_workbook(
        tmp_path,
        [
            ["标题", "短链接", "作者", "分类", "标签", "正文", "状态", "发布时间"],
            [
                "你好",
                "你好",
                "mei",
                "News",
                "数据库；python",
                "# 好",
                "已发布",
                "2024年1月31日",
            ],
        ],
        name="文章.xlsx",
        sheet="文章",
    )

    report = import_workbook(path, "articles.Article")

    article = Article.objects.get()
    assert report.sheet == "文章"
    assert (article.title, article.status) == ("你好", "published")
    assert sorted(tag.slug for tag in article.tags.all()) == ["python", "数据库"]
    assert article.published_at.isoformat() == "2024-01-30T16:00:00+00:00"


def test_header_means_the_field_it_is_mapped_to():
    columns, problems = match(
        "articles.Tag", "Titel", "slug", mapping={"titel": "name"}
    )

    assert columns == [(1, "name", None), (2, "slug", None)]
    assert problems == []


@pytest.mark.parametrize(
    ("mapping", "message"),
    [
        ({"Titel": "nam"}, 'cell A1 (Titel): unknown header; did you mean "name"?'),
        ({"Tite": "name"}, 'There is no "Tite"; did you mean "Titel"?'),
        ({"xyz": "name"}, 'There is no "xyz" in the sheet.'),
    ],
)
def test_mapping_that_cannot_be_followed(tmp_path, mapping, message):
    path = save_workbook(tmp_path, [["Titel", "slug"], ["A", "a"]])

    with pytest.raises(ImportFailed) as failure:
        import_workbook(path, "articles.Tag", mapping=mapping)

    assert message in str(failure.value)


def test_own_columns_of_rejects_are_not_read():
    columns, problems = match("articles.Tag", "name", "slug", "__error", "__row")

    assert len(columns) == 2
    assert problems == []


def test_extra_columns_are_ignored_if_that_was_asked_for(tmp_path):
    rows = [["name", "colour", "slug"], ["A", "red", "a", "stray"]]
    path = save_workbook(tmp_path, rows)

    report = import_workbook(path, "articles.Tag", ignore_extra_columns=True)

    assert report.rows == 1


def test_value_for_every_row(library, articles):
    path = articles({}, {})

    import_workbook(
        path, "articles.Article", constants={"status": "Published", "tags": "python"}
    )

    assert Article.objects.published().filter(tags__slug="python").count() == 2


def test_value_for_every_row_fills_a_required_field(tmp_path):
    path = save_workbook(tmp_path, [["name"], ["A"]])

    assert import_workbook(path, "articles.Tag", constants={"slug": "a"}).rows == 1


@pytest.mark.parametrize(
    ("constants", "message"),
    [
        ({"slugg": "a"}, '"slugg": unknown header; did you mean "slug"?'),
        ({"name": "A"}, 'the field "name" has a column already'),
        ({"slug": "no slug!"}, 'slug: "no slug!": Enter a valid'),
    ],
)
def test_wrong_values_for_every_row(tmp_path, constants, message):
    path = save_workbook(tmp_path, [["name"], ["A"]])

    with pytest.raises(ImportFailed) as failure:
        import_workbook(path, "articles.Tag", constants=constants)

    assert message in str(failure.value)


def test_relation_by_another_field(library, articles):
    path = articles({"author": "mei@example.com"})
    User.objects.filter(username="mei").update(email="mei@example.com")

    import_workbook(path, "articles.Article", lookups={"author": "email"})

    assert Article.objects.get().author.username == "mei"


@pytest.mark.parametrize(
    ("lookups", "message"),
    [
        ({"author": "emial"}, 'There is no "emial"; did you mean "email"?'),
        ({"writer": "email"}, '"writer": unknown header'),
    ],
)
def test_wrong_lookups(library, articles, lookups, message):
    with pytest.raises(ImportFailed) as failure:
        import_workbook(articles({}), "articles.Article", lookups=lookups)

    assert message in str(failure.value)


def test_header_row_that_was_named(tmp_path):
    rows = [["Tags of 2024"], [], ["name", "slug"], ["A", "a"]]
    path = save_workbook(tmp_path, rows)

    assert import_workbook(path, "articles.Tag", header_row=3).rows == 1


def test_header_row_that_is_blank(tmp_path):
    path = save_workbook(tmp_path, [["Tags"], [], ["name", "slug"], ["A", "a"]])

    with pytest.raises(
        ImportFailed, match="row 2, which should be the header, is blank"
    ):
        import_workbook(path, "articles.Tag", header_row=2)

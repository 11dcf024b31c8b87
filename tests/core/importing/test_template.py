"""An empty workbook for a table."""

import openpyxl
import pytest

from core.importing import ImportFailed, import_workbook
from core.importing.template import write_template_for
from tests.core.importing.workbooks import HEADERS, article_row

pytestmark = pytest.mark.django_db


@pytest.fixture
def template(tmp_path, library):
    path = tmp_path / "template.xlsx"
    write_template_for("articles.Article", path, using="default")
    return path


def sheet_of(path):
    return openpyxl.load_workbook(path).worksheets[0]


def test_names_the_fields_that_can_be_filled(template):
    headers = [cell.value for cell in sheet_of(template)[1]]

    assert headers == [
        "title",
        "slug",
        "author",
        "category",
        "summary",
        "body",
        "source",
        "status",
        "published at",
        "tags",
    ]


def test_says_what_a_column_takes(template):
    comments = {cell.value: cell.comment.text for cell in sheet_of(template)[1]}

    assert comments["title"] == "Required. At most 200 characters."
    assert comments["published at"].startswith("May be blank. A date and time such as")


def test_offers_choices_and_names_of_related_rows(template):
    choices = openpyxl.load_workbook(template)["choices"]

    columns = [
        [cell.value for cell in column if cell.value] for column in choices.columns
    ]
    assert ["News", "Sport"] in columns
    assert ["draft", "published"] in columns


def test_can_be_filled_in_and_imported(template):
    workbook = openpyxl.load_workbook(template)
    sheet = workbook.worksheets[0]
    columns = {cell.value: cell.column for cell in sheet[1]}
    for name, value in zip(HEADERS, article_row(), strict=True):
        sheet.cell(2, columns[name]).value = value
    workbook.save(template)

    assert import_workbook(template, "articles.Article").rows == 1


def test_unfilled_template_has_no_rows(template):
    with pytest.raises(ImportFailed, match="there are no rows below the header"):
        import_workbook(template, "articles.Article")

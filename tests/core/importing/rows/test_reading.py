"""Which rows are read, and what is said of them."""

import openpyxl
import pytest

from articles.models import Category, Tag
from core.importing import ImportFailed, import_workbook
from tests.core.importing.workbooks import save_workbook

pytestmark = pytest.mark.django_db
ROWS = [["name", "slug"], ["A", "a"], ["B", "b"], ["C", "c"]]


def changed(path, change):
    workbook = openpyxl.load_workbook(path)
    change(workbook.active)
    workbook.save(path)
    return path


@pytest.fixture
def with_hidden_row(tmp_path):
    def hide(sheet):
        sheet.row_dimensions[3].hidden = True

    return changed(save_workbook(tmp_path, ROWS, sheet="Tags"), hide)


def test_hidden_rows_are_imported_and_counted(with_hidden_row):
    report = import_workbook(with_hidden_row, "articles.Tag")

    assert str(report) == (
        "articles.Tag: 3 rows imported from sheet Tags (1 hidden row among them)"
    )


def test_hidden_rows_are_left_out_if_that_was_asked_for(with_hidden_row):
    report = import_workbook(with_hidden_row, "articles.Tag", skip_hidden=True)

    assert report.rows == 2
    assert not Tag.objects.filter(slug="b").exists()


def test_first_rows_only(tmp_path):
    report = import_workbook(
        save_workbook(tmp_path, ROWS), "articles.Tag", stop_after=2
    )

    assert report.rows == Tag.objects.count() == 2


def test_merged_cells_among_the_data_are_refused(tmp_path):
    path = changed(save_workbook(tmp_path, ROWS), lambda s: s.merge_cells("A2:A3"))

    with pytest.raises(ImportFailed) as failure:
        import_workbook(path, "articles.Tag")

    assert "cell A2 (name): the cells A2:A3 are merged, and only the first has" in str(
        failure.value
    )


def test_merged_cells_above_the_header_are_no_problem(tmp_path):
    rows = [["Tags", None], *ROWS]
    path = changed(save_workbook(tmp_path, rows), lambda s: s.merge_cells("A1:B1"))

    assert import_workbook(path, "articles.Tag", header_row=2).rows == 3


def test_blank_cells_get_the_default_of_the_field(tmp_path):
    path = save_workbook(
        tmp_path, [["name", "slug", "position"], ["A", "a", 3], ["B", "b", None]]
    )

    import_workbook(path, "articles.Category")

    assert dict(Category.objects.values_list("slug", "position")) == {"a": 3, "b": 0}


def test_default_that_is_made_for_each_row(tmp_path, monkeypatch):
    numbers = iter(range(10, 99))
    field = Category._meta.get_field("position")
    monkeypatch.setattr(field, "default", lambda: next(numbers))
    monkeypatch.setitem(vars(field), "_get_default", lambda: next(numbers))

    import_workbook(save_workbook(tmp_path, ROWS), "articles.Category")

    assert len(set(Category.objects.values_list("position", flat=True))) == 3


def test_rows_may_have_any_number_of_shapes(tmp_path, monkeypatch):
    monkeypatch.setattr("core.importing.rows.reading.MOST_LAYOUTS", 2)
    rows = [
        [f"name {n}", f"slug-{n}", n if n % 2 else None, "x" if n % 3 else None]
        for n in range(30)
    ]
    path = save_workbook(tmp_path, [["name", "slug", "position", "__x"], *rows])

    assert import_workbook(path, "articles.Category").rows == 30


@pytest.mark.parametrize("text", ["_xD83D_", "_x0000_", "_x0007_", "_xFFFF_"])
def test_characters_that_no_database_can_keep_are_refused_or_kept(tmp_path, text):
    path = save_workbook(tmp_path, [["name", "slug"], [f"a{text}b", "a"]])

    try:
        import_workbook(path, "articles.Tag")
    except ImportFailed as failure:
        assert "cell A2" in str(failure)
    else:
        assert len(Tag.objects.get().name) == 3


def test_delimited_text_is_imported(tmp_path):
    path = tmp_path / "tags.csv"
    path.write_bytes("name;slug\n数据库;db\nPython;python\n".encode("gb18030"))

    report = import_workbook(path, "articles.Tag")

    assert str(report) == "articles.Tag: 2 rows imported from sheet tags"
    assert Tag.objects.get(slug="db").name == "数据库"

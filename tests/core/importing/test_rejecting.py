"""Rows that are left out, as a workbook to correct and import again."""

import openpyxl
import pytest

from articles.models import Tag
from core.importing import ImportFailed, import_workbook
from core.importing.merging.changes import Counts
from tests.core.importing.workbooks import save_workbook
from tests.factories import make_tag

pytestmark = pytest.mark.django_db
HEADERS = ["name", "slug"]
LONG = "x" * 101


@pytest.fixture
def rejects(tmp_path):
    return tmp_path / "rejects.xlsx"


def rows_of(path):
    return [list(row) for row in openpyxl.load_workbook(path).worksheets[0].values]


def test_faulty_rows_are_skipped_if_that_was_asked_for(tmp_path, rejects):
    path = save_workbook(tmp_path, [HEADERS, ["A", "a"], [LONG, "b"], ["C", "c"]])

    report = import_workbook(path, "articles.Tag", skip_faulty=True, rejects=rejects)

    assert (report.counts, report.rejected) == (Counts(inserted=2), 1)
    assert str(report) == (
        "articles.Tag: 2 rows imported from sheet Articles (1 row rejected)"
    )
    assert set(Tag.objects.values_list("slug", flat=True)) == {"a", "c"}


def test_rejects_have_the_row_and_its_faults(tmp_path, rejects):
    path = save_workbook(tmp_path, [HEADERS, ["A", "a"], [LONG, "no slug!"]])

    import_workbook(path, "articles.Tag", skip_faulty=True, rejects=rejects)

    header, row = rows_of(rejects)
    assert header == ["name", "slug", "__error", "__row"]
    assert row[:2] == [LONG, "no slug!"] and row[3] == 3
    assert "101 characters" in row[2] and "valid “slug”" in row[2]


def test_corrected_rejects_can_be_imported(tmp_path, rejects):
    path = save_workbook(tmp_path, [HEADERS, ["A", "a"], [LONG, "b"]])
    import_workbook(path, "articles.Tag", skip_faulty=True, rejects=rejects)
    workbook = openpyxl.load_workbook(rejects)
    workbook.worksheets[0]["A2"] = "B"
    workbook.save(rejects)

    report = import_workbook(rejects, "articles.Tag")

    assert report.counts == Counts(inserted=1)
    assert Tag.objects.get(slug="b").name == "B"


def test_rows_that_the_table_has_are_skipped_as_well(tmp_path, rejects):
    make_tag(slug="taken")
    rows = [["A", "taken"], ["B", "b"], ["C", "b"]]
    path = save_workbook(tmp_path, [HEADERS, *rows])

    import_workbook(path, "articles.Tag", skip_faulty=True, rejects=rejects)

    assert [row[3] for row in rows_of(rejects)[1:]] == [2, 4]
    assert Tag.objects.get(slug="b").name == "B"


def test_faulty_row_is_in_nobodys_way_if_it_is_skipped(tmp_path, rejects):
    path = save_workbook(tmp_path, [HEADERS, [LONG, "a"], ["A", "a"]])

    report = import_workbook(path, "articles.Tag", skip_faulty=True, rejects=rejects)

    assert report.rejected == 1
    assert Tag.objects.get().name == "A"


def test_rejects_of_an_import_that_was_refused(tmp_path, rejects):
    path = save_workbook(tmp_path, [HEADERS, ["A", "a"], [LONG, "b"]])

    with pytest.raises(ImportFailed, match="101 characters"):
        import_workbook(path, "articles.Tag", rejects=rejects)

    assert len(rows_of(rejects)) == 2
    assert not Tag.objects.exists()


def test_no_rejects_are_written_if_no_row_is_wrong(tmp_path, rejects):
    path = save_workbook(tmp_path, [HEADERS, ["A", "a"]])

    import_workbook(path, "articles.Tag", skip_faulty=True, rejects=rejects)

    assert not rejects.exists()


def test_wrong_header_is_never_skipped(tmp_path, rejects):
    path = save_workbook(tmp_path, [["name", "slag"], ["A", "a"]])

    with pytest.raises(ImportFailed, match="no column for the required"):
        import_workbook(path, "articles.Tag", skip_faulty=True, rejects=rejects)


def test_too_many_faulty_rows_are_not_skipped(tmp_path, rejects):
    rows = [[LONG, f"slug-{number}"] for number in range(5)]
    path = save_workbook(tmp_path, [HEADERS, *rows, ["A", "a"]])

    with pytest.raises(ImportFailed, match="stopped after 3 problems"):
        import_workbook(
            path, "articles.Tag", skip_faulty=True, rejects=rejects, max_problems=3
        )

    assert not Tag.objects.exists()


def test_nothing_is_imported_if_the_rejects_cannot_be_written(tmp_path):
    path = save_workbook(tmp_path, [HEADERS, ["A", "a"], [LONG, "b"]])
    nowhere = tmp_path / "missing" / "rejects.xlsx"

    with pytest.raises(ImportFailed, match="the file cannot be written"):
        import_workbook(path, "articles.Tag", skip_faulty=True, rejects=nowhere)

    assert not Tag.objects.exists()

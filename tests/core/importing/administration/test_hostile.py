"""Files that are not what they say."""

import html
import io
import zipfile

import pytest

from core.importing.models import ImportRun
from tests.core.importing.workbooks import SHEET, save_workbook

pytestmark = pytest.mark.django_db


def sentence(page):
    (errors,) = page.context["form"].errors.values()
    (error,) = errors
    assert html.escape(error) in page.content.decode()
    return error


def bomb(tmp_path):
    path = save_workbook(tmp_path, [["name", "slug"], ["A", "a"]])
    content = io.BytesIO()
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(content, "w", 8) as new:
        for info in old.infolist():
            part = old.read(info)
            if info.filename == SHEET:
                part = part.replace(
                    b"</sheetData>", b" " * 300_000_000 + b"</sheetData>"
                )
            new.writestr(info.filename, part)
    return content.getvalue()


@pytest.mark.parametrize(
    ("content", "name", "expected"),
    [
        (b"<html><script>go()</script>", "x.xlsx", "this is a web page"),
        (b"", "x.xlsx", "The file is empty; expected an .xlsx workbook"),
        (b"MZ\x00\x01", "x.xlsx", "neither a workbook nor text"),
        (b"PK\x05\x06" + bytes(18), "x.xlsx", "a zip archive without a workbook"),
        (b"name,slug\n", "x.exe", "x.exe: expected a file whose name ends in .xlsx"),
        (b"name,slug\n", "x.xlsx", "this is text such as CSV"),
        (b"name,slug\n", "x", "x: expected a file whose name ends in .xlsx or .csv."),
        (bytes.fromhex("D0CF11E0A1B11AE1"), "x.xlsx", "a file in the old .xls format"),
    ],
)
def test_other_files_get_one_sentence(steps, folder, content, name, expected):
    page = steps.upload_bytes(content, name)

    assert expected in sentence(page)
    assert not ImportRun.objects.exists()
    assert not folder.exists() or not any(folder.iterdir())


def test_file_that_is_too_large(steps, settings):
    content = b"x" * (settings.IMPORTING_UPLOAD_BYTES + 1)

    page = steps.upload_bytes(content, "large.xlsx")

    error = sentence(page)
    assert error.startswith("large.xlsx has 20.0\xa0MB; expected at most 20.0\xa0MB.")


def test_hundred_megabytes(steps):
    page = steps.upload_bytes(bytes(100 * 1024 * 1024), "large.xlsx")

    assert "large.xlsx has 100.0\xa0MB" in sentence(page)


def test_bomb_is_told_from_a_workbook(steps, tmp_path):
    page = steps.upload_bytes(bomb(tmp_path), "bomb.xlsx")

    form = page.context["form"]
    if not form.errors:
        page = steps.choose(ImportRun.objects.get(), sheet="Articles")
    assert "bomb.xlsx" in sentence(page)


@pytest.mark.parametrize("name", ["../../evil.csv", "/etc/evil.csv", "..\\evil.csv"])
def test_path_in_the_name_leads_nowhere(steps, folder, name):
    steps.upload_bytes(b"name,slug\nA,a\n", name)

    run = ImportRun.objects.get()
    assert run.file_name in {"evil.csv", "..\\evil.csv"}
    assert [path.parent for path in folder.rglob("*")] == [folder]
    assert "evil" not in run.upload.name


def test_sheet_that_is_not_there(steps):
    run = steps.upload(["name", "slug"], ["A", "a"])

    page = steps.choose(run, sheet="Nowhere")

    assert "Nowhere is not one of the available choices" in sentence(page)


def test_names_of_sheets_are_shown_as_text(steps):
    run = steps.upload(["name", "slug"], ["A", "a"], sheet="<b>&amp;")

    page = steps.get("options", run)

    assert "<b>&amp;" not in page.content.decode()
    assert "&lt;b&gt;&amp;amp;" in page.content.decode()

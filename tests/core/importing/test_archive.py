"""Files that are no workbook, or a hostile one: one sentence each."""

import os
import random
import zipfile
from pathlib import Path

import pytest

from core.importing import ImportFailed, archive, reader
from core.importing.reader import open_workbook
from tests.core.importing.workbooks import (
    SHARED_STRINGS,
    SHEET,
    read_part,
    rewrite_part,
    save_workbook,
    share_strings,
    write_part,
)

DAMAGED = (
    "articles.xlsx: the workbook is damaged or incomplete; open it in a "
    "spreadsheet program and save it again as .xlsx."
)


@pytest.fixture
def path(tmp_path):
    return save_workbook(tmp_path, [["name", "slug"], ["A", "a"]])


def refusal(path):
    with pytest.raises(ImportFailed) as failure, open_workbook(path) as workbook:
        list(workbook.sheet().rows())
    assert failure.value.problems == ()
    return str(failure.value)


def test_missing_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    assert refusal(Path("drafts/articles.xlsx")) == (
        "drafts/articles.xlsx: there is no such file; "
        "expected the path of an .xlsx file."
    )


def test_folder(tmp_path):
    path = tmp_path / "articles.xlsx"
    path.mkdir()

    assert refusal(path).endswith(
        ": this is a folder; expected the path of an .xlsx file."
    )


def test_pipe(tmp_path):
    path = tmp_path / "articles.xlsx"
    os.mkfifo(path)

    assert refusal(path).endswith(
        ": this is no regular file; expected the path of an .xlsx file."
    )


@pytest.mark.parametrize("suffix", [".xls", ".csv", ".ods", ".xlsm", ""])
def test_other_formats(tmp_path, suffix):
    path = tmp_path / f"articles{suffix}"
    path.write_bytes(b"PK\x03\x04")

    assert refusal(path).endswith(
        ": only .xlsx workbooks are read; open the file in a "
        "spreadsheet program and save it as .xlsx."
    )


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "the file is empty; expected an .xlsx workbook."),
        (
            bytes.fromhex("D0CF11E0A1B11AE1") + b"\0" * 600,
            "the workbook is protected by a password or in the old .xls format; "
            "save it as .xlsx without a password.",
        ),
        (
            b"\xef\xbb\xbf \r\n<HTML><table><tr><td>title</td></tr></table></HTML>",
            "this is a web page and no workbook; open it in a spreadsheet program "
            "and save it as .xlsx.",
        ),
        (
            b"title,slug\nA,a\n",
            "this is no workbook although its name ends in .xlsx; open it in a "
            "spreadsheet program and save it as .xlsx.",
        ),
    ],
)
def test_something_else_by_that_name(tmp_path, content, sentence):
    path = tmp_path / "articles.xlsx"
    path.write_bytes(content)

    assert refusal(path) == f"articles.xlsx: {sentence}"


def test_zip_archive_that_is_no_workbook(tmp_path):
    path = tmp_path / "articles.xlsx"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("word/document.xml", "<w/>")

    assert refusal(path) == DAMAGED


def test_truncated_workbook(path):
    content = path.read_bytes()

    for length in range(4, len(content), 97):
        path.write_bytes(content[:length])
        assert refusal(path) == DAMAGED


def test_damaged_bytes_never_end_in_a_traceback(path):
    content = path.read_bytes()
    dice = random.Random(20240131)

    for _ in range(150):
        damaged = bytearray(content)
        for _ in range(dice.randint(1, 30)):
            damaged[dice.randrange(4, len(damaged))] = dice.randrange(256)
        path.write_bytes(damaged)
        try:
            with open_workbook(path) as workbook:
                list(workbook.sheet().rows())
        except ImportFailed as error:
            assert str(error).startswith("articles.xlsx: ")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("<v>0</v>", "<v>99</v>"),
        ("<v>0</v>", "<v>one</v>"),
        ("<v>1.5</v>", "<v>one</v>"),
        ('r="A1"', 'r="ABCD1"'),
        ('r="A2"', 'r="A2" s="99"'),
        ('<row r="1"', '<row r="one"'),
        ("</sheetData>", ""),
    ],
)
def test_wrong_xml_in_a_sheet(tmp_path, old, new):
    path = save_workbook(tmp_path, [["name"], [1.5]])
    share_strings(path, "<t>name</t>")
    rewrite_part(path, SHEET, (old, new))

    assert refusal(path) == DAMAGED


def test_rows_beyond_the_last_of_a_spreadsheet(path, monkeypatch):
    monkeypatch.setattr(reader, "MAX_ROWS", 1_000)
    rewrite_part(path, SHEET, ('<row r="2"', '<row r="99999999999"'))

    assert refusal(path) == DAMAGED


def test_workbook_that_unpacks_to_too_much(path, monkeypatch):
    monkeypatch.setattr(archive, "MAX_INFLATED_BYTES", 2048)

    sentence = refusal(path)

    assert sentence.startswith("articles.xlsx: the workbook unpacks to ")
    assert sentence.endswith("; at most 10000 parts of 2.0\xa0KB are read.")


def test_workbook_of_too_many_parts(path, monkeypatch):
    monkeypatch.setattr(archive, "MAX_PARTS", 3)

    assert "at most 3 parts" in refusal(path)


def test_part_that_is_compressed_absurdly(path):
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as file:
        file.writestr("xl/media/bomb.xml", b" " * (17 * 1024**2))

    assert refusal(path) == (
        "articles.xlsx: a part of the workbook is compressed more than 200-fold, "
        "which real workbooks are not; it was not read."
    )


def test_directory_that_lies_about_a_size_bounds_what_is_read(path):
    rewrite_part(path, SHEET, ("<sheetData>", "<sheetData>" + " " * 100_000))
    with zipfile.ZipFile(path) as file:
        size = file.getinfo(SHEET).file_size
    content = path.read_bytes()
    path.write_bytes(
        content.replace(size.to_bytes(4, "little"), (500).to_bytes(4, "little"))
    )

    assert refusal(path) == DAMAGED


def test_parts_that_overlap(path):
    content = bytearray(path.read_bytes())
    # The compressed size of the first entry of the directory: more than the file.
    entry = content.index(b"PK\x01\x02")
    content[entry + 20 : entry + 24] = (10**6).to_bytes(4, "little")
    path.write_bytes(content)

    assert refusal(path) == DAMAGED


def test_other_methods_of_compression(path):
    with zipfile.ZipFile(path, "a", zipfile.ZIP_LZMA) as file:
        file.writestr("xl/media/a.xml", b"a")

    assert refusal(path) == DAMAGED


ENTITIES = """<!DOCTYPE worksheet [
<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>
"""


@pytest.mark.parametrize("part", [SHEET, "xl/workbook.xml", SHARED_STRINGS])
def test_xml_entities(path, part):
    share_strings(path, "<t>name</t>")
    text = read_part(path, part)
    root = text.index("<", text.index("?>") + 2) if "?>" in text else 0
    write_part(path, part, text[:root] + ENTITIES + text[root:])

    assert refusal(path) == (
        "articles.xlsx: the workbook declares XML entities, which real "
        "workbooks do not; it was not read."
    )


def test_unreadable_file(path, monkeypatch):
    # Permissions do not stop the superuser, who often runs the tests.
    def refuse(self, mode):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("pathlib.Path.open", refuse)

    assert refusal(path).endswith(": the file cannot be read (Permission denied).")

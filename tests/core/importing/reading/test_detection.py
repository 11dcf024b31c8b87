"""Files that are no readable workbook or text: one sentence says what they are."""

import os
import zipfile
from pathlib import Path

import pytest

from core.importing import ImportFailed
from core.importing.reading import open_source
from tests.core.importing.reading.packages import (
    PARTS,
    SHEET,
    WORKBOOK,
    relations_xml,
    sheet_xml,
    write_package,
)

SAVE_AS = "open it in a spreadsheet program and save it as .xlsx."
OLE = bytes.fromhex("D0CF11E0A1B11AE1")


def refusal(path, **options):
    with pytest.raises(ImportFailed) as failure, open_source(path, **options) as source:
        list(source.sheet().rows())
    assert failure.value.problems == ()
    return str(failure.value)


def ole_file(*names, sector_shift=9):
    """Give the header and the directory of an OLE file, in its third sector."""
    header = bytearray(OLE.ljust(512, b"\0"))
    header[30:32] = sector_shift.to_bytes(2, "little")
    header[48:52] = (2).to_bytes(4, "little")
    entries = b"".join(name.encode("utf-16-le").ljust(128, b"\0") for name in names)
    return bytes(header).ljust(3 << sector_shift, b"\0") + entries


def test_missing_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    assert refusal(Path("drafts/articles.xlsx")) == (
        "drafts/articles.xlsx: there is no such file; expected the path of an .xlsx "
        "or .csv file."
    )


def test_folder(tmp_path):
    path = tmp_path / "articles.xlsx"
    path.mkdir()

    assert refusal(path).endswith(
        ": this is a folder; expected the path of an .xlsx or .csv file."
    )


def test_pipe(tmp_path):
    path = tmp_path / "articles.xlsx"
    os.mkfifo(path)

    assert refusal(path).endswith(
        ": this is no regular file; expected the path of an .xlsx or .csv file."
    )


def test_unreadable_file(tmp_path, monkeypatch):
    path = write_package(tmp_path, {})

    # Permissions do not stop the superuser, who often runs the tests.
    def refuse(path):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("core.importing.reading.archive.io.FileIO", refuse)

    assert refusal(path).endswith(": the file cannot be read (Permission denied).")


@pytest.mark.parametrize("suffix", [".xlsx", ".xls", ".csv", ""])
@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "the file is empty; expected an .xlsx workbook or a .csv file."),
        (
            ole_file("Root Entry", "Workbook"),
            f"this is a file in the old .xls format; {SAVE_AS}",
        ),
        (OLE, f"this is a file in the old .xls format; {SAVE_AS}"),
        (
            ole_file("Root Entry", "EncryptionInfo", "EncryptedPackage"),
            "the workbook is protected by a password; open it in a spreadsheet "
            "program and save it as .xlsx without a password.",
        ),
        (
            ole_file("Root Entry", "EncryptedPackage", sector_shift=12),
            "the workbook is protected by a password; open it in a spreadsheet "
            "program and save it as .xlsx without a password.",
        ),
        (
            b"\xef\xbb\xbf \r\n<HTML><table><tr><td>title</td></tr></table></HTML>",
            f"this is a web page; {SAVE_AS}",
        ),
        (
            "<html><table>标题</table></html>".encode("utf-16"),
            f"this is a web page; {SAVE_AS}",
        ),
        (b"<!-- made by --><table border=1>", f"this is a web page; {SAVE_AS}"),
        (
            b'<?xml version="1.0"?><Workbook '
            b'xmlns="urn:schemas-microsoft-com:office:spreadsheet"/>',
            f"this is an XML spreadsheet of the year 2003; {SAVE_AS}",
        ),
        (b"%PDF-1.7\n", f"this is neither a workbook nor text; {SAVE_AS}"),
        (b"\x89PNG\r\n\x1a\n\0", f"this is neither a workbook nor text; {SAVE_AS}"),
    ],
)
def test_what_is_never_read(tmp_path, content, suffix, sentence):
    path = tmp_path / f"articles{suffix}"
    path.write_bytes(content)

    assert refusal(path) == f"articles{suffix}: {sentence}"


@pytest.mark.parametrize("suffix", [".xlsx", ".xls", ".txt", ""])
def test_text_by_another_name(tmp_path, suffix):
    path = tmp_path / f"articles{suffix}"
    path.write_text("title\tslug\nA\ta\n")

    assert refusal(path) == (
        f"articles{suffix}: this is text such as CSV, but its name does not end in "
        f".csv or .tsv; {SAVE_AS}"
    )


@pytest.mark.parametrize("suffix", [".xls", ".csv", ".zip", ""])
def test_workbook_by_another_name(tmp_path, suffix):
    path = write_package(tmp_path, {SHEET: sheet_xml("")}, name=f"articles{suffix}")

    assert refusal(path) == (
        f"articles{suffix}: this is an .xlsx workbook, but its name does not end in "
        ".xlsx; name it so, or save it again as .xlsx."
    )


@pytest.mark.parametrize("name", ["articles.xlsx", "articles.XLSX", "articles.xlsm"])
def test_names_of_workbooks(tmp_path, name):
    path = write_package(tmp_path, {SHEET: sheet_xml("")}, name=name)

    with open_source(path) as source:
        assert list(source.sheet().rows()) == []


@pytest.mark.parametrize(
    ("parts", "what"),
    [
        (
            {
                "_rels/.rels": relations_xml(("rId1", "officeDocument", "xl/a.bin")),
                "xl/a.bin": b"\0",
            },
            "a binary workbook (.xlsb)",
        ),
        (
            {"mimetype": "application/vnd.oasis.opendocument.spreadsheet"}
            | {"content.xml": "<x/>"},
            "an OpenDocument file (.ods)",
        ),
        (
            {
                "_rels/.rels": relations_xml(
                    ("rId1", "officeDocument", "word/document.xml")
                ),
                "word/document.xml": "<w/>",
            },
            "a zip archive without a workbook",
        ),
        ({"articles.csv": "title"}, "a zip archive without a workbook"),
        ({}, "a zip archive without a workbook"),
    ],
)
def test_other_archives(tmp_path, parts, what):
    path = write_package(tmp_path, dict.fromkeys(PARTS) | parts)

    assert refusal(path) == f"articles.xlsx: this is {what}; {SAVE_AS}"


def test_main_part_that_is_no_workbook(tmp_path):
    path = write_package(tmp_path, {WORKBOOK: "<document/>"})

    assert "the workbook is damaged" in refusal(path)


def test_archive_with_text_before_it(tmp_path):
    path = write_package(tmp_path, {SHEET: sheet_xml("")})
    path.write_bytes(b"title,slug\n" + path.read_bytes())

    assert zipfile.is_zipfile(path)
    assert "this is neither a workbook nor text" in refusal(path)

"""Workbooks made to crash, to fill the memory or to take forever."""

import random
import struct
import zipfile

import pytest

from core.importing import ImportFailed
from core.importing.reading import archive, fast_rows, streams, xml
from core.importing.reading import sheet_xml as rows_module
from tests.core.importing.reading.packages import (
    PARTS,
    SHEET,
    STRINGS,
    STYLES,
    WORKBOOK,
    WORKBOOK_RELATIONS,
    read,
    sheet_xml,
    strings_xml,
    styles_xml,
    write_package,
    write_rows,
)

ROW = '<row r="1"><c r="A1" t="s" s="0"><v>0</v></c></row>'
WHOLE = {SHEET: sheet_xml(ROW), STRINGS: strings_xml("<t>a</t>"), STYLES: styles_xml(0)}
DAMAGED = (
    "articles.xlsx: the workbook is damaged or incomplete; open it in a spreadsheet "
    "program and save it again as .xlsx."
)


@pytest.fixture
def path(tmp_path):
    return write_package(tmp_path, WHOLE)


def refusal(path):
    with pytest.raises(ImportFailed) as failure:
        read(path)
    return str(failure.value)


def test_truncated_workbook(path):
    content = path.read_bytes()

    for length in range(4, len(content), 61):
        path.write_bytes(content[:length])
        assert refusal(path) == DAMAGED


@pytest.mark.parametrize("part", [*PARTS, *WHOLE])
@pytest.mark.parametrize(
    "doctype",
    [
        '<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>',
        '<!DOCTYPE x SYSTEM "file:///etc/passwd">',
        "<!DOCTYPE x>",
    ],
)
def test_xml_entities(tmp_path, part, doctype):
    content = (PARTS | WHOLE)[part]
    path = write_package(tmp_path, WHOLE | {part: doctype + content})

    assert refusal(path).endswith(
        ": the workbook declares XML entities, which real workbooks do not; it was not "
        "read."
    )


def test_part_that_is_compressed_absurdly(tmp_path):
    bomb = sheet_xml(" " * (17 * 1024**2) + ROW)

    assert refusal(write_package(tmp_path, WHOLE | {SHEET: bomb})) == (
        "articles.xlsx, sheet Articles: a part of the workbook is compressed more than "
        "200-fold, which real workbooks are not; it was not read."
    )


def test_bomb_in_a_part_that_is_not_read(tmp_path):
    path = write_package(tmp_path, WHOLE | {"xl/media/a.bmp": b" " * (17 * 1024**2)})

    assert read(path)


def test_workbook_that_unpacks_to_too_much(path, monkeypatch):
    monkeypatch.setattr(archive, "MAX_INFLATED_BYTES", 1024)

    assert refusal(path).endswith(
        ": the workbook unpacks to more than 1.0\xa0KB; it was not read."
    )


def test_sizes_that_lie_bound_what_is_read(path):
    with zipfile.ZipFile(path) as file:
        size = struct.pack("<L", file.getinfo(SHEET).file_size)
    path.write_bytes(path.read_bytes().replace(size, struct.pack("<L", 60)))

    assert refusal(path) == DAMAGED


def directory_entry(content, part):
    """Give where the directory of an archive tells of a part."""
    return content.rindex(part.encode()) - 46


def test_parts_that_overlap(path):
    content = bytearray(path.read_bytes())
    other = directory_entry(content, WORKBOOK)
    entry = directory_entry(content, SHEET)
    content[entry + 42 : entry + 46] = content[other + 42 : other + 46]
    path.write_bytes(content)

    assert refusal(path) == DAMAGED


def test_part_that_reaches_into_the_directory(path):
    content = bytearray(path.read_bytes())
    entry = directory_entry(content, SHEET)
    content[entry + 20 : entry + 24] = struct.pack("<L", 10**6)
    path.write_bytes(content)

    assert refusal(path) == DAMAGED


def test_two_parts_of_one_name(path):
    with zipfile.ZipFile(path, "a") as file:
        file.writestr(SHEET.upper(), sheet_xml(""))

    assert refusal(path) == DAMAGED


def test_other_methods_of_compression(tmp_path):
    path = write_package(tmp_path, WHOLE | {SHEET: None})
    with zipfile.ZipFile(path, "a", zipfile.ZIP_LZMA) as file:
        file.writestr(SHEET, sheet_xml(ROW))

    assert refusal(path) == DAMAGED


def test_encrypted_part(path):
    content = bytearray(path.read_bytes())
    entry = directory_entry(content, SHEET)
    content[entry + 8] |= 1
    path.write_bytes(content)

    assert refusal(path) == DAMAGED


def test_wrong_checksum(path):
    content = bytearray(path.read_bytes())
    entry = directory_entry(content, SHEET)
    content[entry + 16] ^= 1
    path.write_bytes(content)

    assert refusal(path) == DAMAGED


def test_too_many_parts(path, monkeypatch):
    monkeypatch.setattr(archive, "MAX_PARTS", 3)

    assert refusal(path) == (
        "articles.xlsx: the workbook has more than 3 parts; it was not read."
    )


def test_directory_that_would_fill_the_memory(path, monkeypatch):
    monkeypatch.setattr(archive, "MAX_DIRECTORY_BYTES", 70_000)
    with zipfile.ZipFile(path, "a") as file:
        file.writestr("x" * 60_000, "")
        file.writestr("y" * 60_000, "")

    assert refusal(path).endswith(" parts; it was not read.")


@pytest.mark.parametrize(
    "rows",
    [
        "<a>" * 200,
        "<row>" + "<a>" * 200,
        f'<row r="1"><c><is><t>{"<b>" * 200}',
    ],
)
def test_deep_nesting(tmp_path, rows):
    assert refusal(write_rows(tmp_path, rows)) == DAMAGED


def test_endless_names(tmp_path, monkeypatch):
    monkeypatch.setattr(xml, "MAX_NAMES", 100)
    rows = "".join(f"<row><a{number}/></row>" for number in range(200))

    assert refusal(write_rows(tmp_path, rows)) == DAMAGED


def test_endless_tag(tmp_path, monkeypatch):
    monkeypatch.setattr(xml, "MAX_TOKEN_BYTES", 300_000)
    monkeypatch.setattr(streams, "MAX_ITEM_BYTES", 100_000)
    tag = "".join(random.Random(1).choices("abcdefgh", k=900_000))

    assert refusal(write_rows(tmp_path, f'<row spans="{tag}"/>')) == DAMAGED


def test_endless_row(tmp_path, monkeypatch):
    monkeypatch.setattr(rows_module, "MAX_ROW_CHARACTERS", 1_000)
    cells = "".join(
        f'<c r="{column}1" t="inlineStr"><is><t>{"x" * 300}</t><rPh/></is></c>'
        for column in "ABCD"
    )

    assert refusal(write_rows(tmp_path, f'<row r="1">{cells}</row>')) == (
        "articles.xlsx, sheet Articles: row 1 has more than 1000 characters; it was "
        "not read."
    )


def test_endless_merged_ranges(tmp_path, monkeypatch):
    monkeypatch.setattr(rows_module, "MAX_MERGED_RANGES", 10)
    merged = "<mergeCells>" + '<mergeCell ref="A1:B2"/>' * 11 + "</mergeCells>"
    path = write_package(tmp_path, WHOLE | {SHEET: sheet_xml(ROW, after=merged)})

    assert refusal(path) == (
        "articles.xlsx, sheet Articles: the sheet has more than 10 merged ranges; it "
        "was not read."
    )


def test_endless_text_in_the_table_of_texts(tmp_path):
    strings = strings_xml(f"<t>{'ab' * 200_000}</t>")

    assert refusal(write_package(tmp_path, WHOLE | {STRINGS: strings})) == (
        "articles.xlsx: a text has more than 32767 characters, the most that a cell "
        "can hold."
    )


def test_endless_shapes_of_rows_are_forgotten(tmp_path, monkeypatch):
    monkeypatch.setattr(fast_rows, "MAX_SHAPE_CHARACTERS", 1_000)
    rows = "".join(
        f'<row r="{number}"><c r="{chr(65 + number % 26)}{number}"><v>{number}</v></c>'
        f'<c r="Z{number}" s="{number}"/></row>'
        for number in range(1, 25)
    )

    found = read(write_rows(tmp_path, rows))

    assert [list(cells) for cells in found.values()] == [
        [number % 26 + 1] for number in range(1, 25)
    ]


@pytest.mark.parametrize("part", [WORKBOOK, WORKBOOK_RELATIONS, STYLES, STRINGS, SHEET])
@pytest.mark.parametrize(
    "content",
    [
        "",
        "no xml",
        "<a/>",
        "<a>",
        "\0",
        b"\xff\xfe<\0",
        '<?xml version="1.0" encoding="gb2312"?><a/>',
        '<?xml version="1.0" encoding="rot13"?><a/>',
    ],
)
def test_part_of_something_else(tmp_path, part, content):
    assert refusal(write_package(tmp_path, WHOLE | {part: content})) == DAMAGED


@pytest.mark.parametrize(
    "styles",
    [
        styles_xml("0" * 2_000),
        styles_xml(0).replace('numFmtId="0"', 'numFmtId="x"'),
        styles_xml(0).replace('numFmtId="0"', f'numFmtId="{"9" * 5_000}"'),
    ],
)
def test_formats_that_cannot_be(tmp_path, styles):
    assert refusal(write_package(tmp_path, WHOLE | {STYLES: styles})) == DAMAGED


def test_sheet_without_a_part(tmp_path):
    workbook = PARTS[WORKBOOK].replace("r:id", "r:no")

    assert refusal(write_package(tmp_path, WHOLE | {WORKBOOK: workbook})) == DAMAGED

"""Workbooks put together in other ways than Excel does."""

import pytest

from core.importing import ImportFailed
from core.importing.reading import Cell, Kind, SheetInfo, open_source
from tests.core.importing.reading.packages import (
    PARTS,
    SHEET,
    STRINGS,
    STYLES,
    WORKBOOK,
    WORKBOOK_RELATIONS,
    read,
    relations_xml,
    sheet_xml,
    strings_xml,
    styles_xml,
    workbook_xml,
    write_package,
    write_rows,
)

ROW = '<row r="1"><c r="A1"><v>1</v></c></row>'
DATE_ROW = '<row r="1"><c r="A1" s="0"><v>1</v></c></row>'
ONE = {1: {1: Cell(Kind.NUMBER, "1")}}


def test_backslashes_and_other_case_in_the_names_of_parts(tmp_path):
    parts = {**PARTS, SHEET: sheet_xml(ROW)}
    renamed = dict.fromkeys(parts) | {
        name.replace("/", "\\").upper(): content for name, content in parts.items()
    }

    assert read(write_package(tmp_path, renamed)) == ONE


@pytest.mark.parametrize(
    "target",
    [
        "/xl/worksheets/sheet1.xml",
        "worksheets\\sheet1.xml",
        "./worksheets/../worksheets/sheet1.xml",
    ],
)
def test_targets_of_relationships(tmp_path, target):
    relations = relations_xml(("rId1", "worksheet", target))
    path = write_rows(tmp_path, ROW, **{WORKBOOK_RELATIONS: relations})

    assert read(path) == ONE


def test_workbook_in_another_folder(tmp_path):
    parts = {
        "_rels/.rels": relations_xml(("rId1", "officeDocument", "/book.xml")),
        "_rels/book.xml.rels": relations_xml(("rId1", "worksheet", "one.xml")),
        "book.xml": PARTS[WORKBOOK],
        "one.xml": sheet_xml(ROW),
    }

    assert read(write_package(tmp_path, dict.fromkeys(PARTS) | parts)) == ONE


def test_workbook_without_relationships_of_the_package(tmp_path):
    assert read(write_rows(tmp_path, ROW, **{"_rels/.rels": None})) == ONE


def test_workbook_without_styles_and_texts(tmp_path):
    rows = '<row r="1"><c r="A1" s="7"><v>1</v></c></row>'

    assert read(write_rows(tmp_path, rows)) == ONE


def test_text_without_the_table_of_texts(tmp_path):
    rows = '<row r="1"><c r="A1" t="s"><v>0</v></c></row>'

    with pytest.raises(ImportFailed, match="the workbook is damaged"):
        read(write_rows(tmp_path, rows))


def test_missing_sheet(tmp_path):
    with (
        open_source(write_package(tmp_path, {})) as source,
        pytest.raises(ImportFailed, match="the workbook is damaged"),
    ):
        list(source.sheet().rows())


@pytest.mark.parametrize("number", [*range(14, 23), *range(27, 37), *range(50, 59)])
def test_built_in_formats_of_dates(tmp_path, number):
    found = read(write_rows(tmp_path, DATE_ROW, formats=[number]))

    assert found[1][1] == Cell(Kind.DATE, "1900-01-01")


@pytest.mark.parametrize("number", [0, 1, 2, 3, 9, 10, 11, 12, 37, 44, 48, 49, 59, 163])
def test_built_in_formats_of_numbers(tmp_path, number):
    assert read(write_rows(tmp_path, DATE_ROW, formats=[number])) == ONE


@pytest.mark.parametrize(
    "code",
    [
        'yyyy"年"m"月"d"日"',
        "[DBNum1][$-804]yyyy年m月d日",
        "[$-804]aaaa",
        "上午/下午h时mm分",
        "mm:ss.0;@",
    ],
)
def test_custom_formats_of_dates(tmp_path, code):
    found = read(write_rows(tmp_path, DATE_ROW, formats=[code]))

    assert found[1][1] == Cell(Kind.DATE, "1900-01-01")


@pytest.mark.parametrize(
    "code", ["[Red]0.00", '0" days"', "General", r"0\d", "¥#,##0;[Red]-¥#,##0", "0_d"]
)
def test_custom_formats_of_numbers(tmp_path, code):
    assert read(write_rows(tmp_path, DATE_ROW, formats=[code])) == ONE


def test_custom_format_under_the_number_of_a_built_in_one(tmp_path):
    styles = styles_xml("0.00").replace('"164"', '"31"')

    assert read(write_rows(tmp_path, DATE_ROW, **{STYLES: styles})) == ONE


@pytest.mark.parametrize("flag", ["1", "true"])
def test_days_counted_from_1904(tmp_path, flag):
    properties = f'<workbookPr date1904="{flag}"/>'
    path = write_rows(
        tmp_path,
        DATE_ROW,
        formats=[14],
        **{WORKBOOK: workbook_xml("Articles", properties=properties)},
    )

    assert read(path)[1][1] == Cell(Kind.DATE, "1904-01-02")


@pytest.fixture
def sheets(tmp_path):
    """Three sheets with rows, each with the number of the sheet, and a chart."""
    names = [("Notes", 'state="hidden"'), "Articles", "Chart", ("分类", 'state="odd"')]
    parts = {
        f"xl/worksheets/sheet{number}.xml": sheet_xml(
            ROW.replace("<v>1", f"<v>{number}")
        )
        for number in (1, 2, 4)
    }
    parts[WORKBOOK] = workbook_xml(*names)
    parts[WORKBOOK_RELATIONS] = relations_xml(
        *((f"rId{n}", "worksheet", f"worksheets/sheet{n}.xml") for n in (1, 2, 4)),
        ("rId3", "chartsheet", "chartsheets/sheet1.xml"),
    )
    return write_package(tmp_path, parts)


def test_sheets_with_rows_and_their_visibility(sheets):
    with open_source(sheets) as source:
        assert source.sheets == (
            SheetInfo("Notes", "hidden"),
            SheetInfo("Articles", "visible"),
            SheetInfo("分类", "odd"),
        )


@pytest.mark.parametrize(
    ("wanted", "text"),
    [
        (None, "2"),
        ("Articles", "2"),
        ("ARTICLES", "2"),
        ("Notes", "1"),
        (1, "1"),
        ("3", "4"),
    ],
)
def test_sheet_by_name_or_number(sheets, wanted, text):
    assert read(sheets, wanted)[1][1].text == text


@pytest.mark.parametrize("wanted", ["标签", "0", "4", "-1", 4])
def test_unknown_sheet_lists_the_sheets(sheets, wanted):
    with pytest.raises(ImportFailed) as failure:
        read(sheets, wanted)

    assert str(failure.value) == (
        f'articles.xlsx: there is no sheet "{wanted}"; expected one of: Notes, '
        "Articles, 分类."
    )


def test_misspelt_sheet_gets_a_suggestion(sheets):
    with pytest.raises(ImportFailed) as failure:
        read(sheets, "Artikles")

    assert str(failure.value) == (
        'articles.xlsx: there is no sheet "Artikles"; did you mean "Articles"? '
        "Sheets: Notes, Articles, 分类."
    )


def test_workbook_with_hidden_sheets_alone(tmp_path):
    workbook = workbook_xml(("Articles", 'state="veryHidden"'))
    path = write_rows(tmp_path, ROW, **{WORKBOOK: workbook})

    with pytest.raises(ImportFailed) as failure:
        read(path)

    assert str(failure.value) == (
        "articles.xlsx: the workbook has no visible sheet with cells."
    )


def test_many_texts_are_spilled_to_a_file(tmp_path, monkeypatch):
    monkeypatch.setattr(
        "core.importing.reading.shared_strings.MAX_BYTES_IN_MEMORY", 1_000
    )
    texts = [f"文章 {number}" for number in range(500)]
    rows = "".join(
        f'<row r="{number}"><c r="A{number}" t="s"><v>{(number * 7) % 500}</v></c></row>'
        for number in range(1, 500)
    )
    parts = {
        SHEET: sheet_xml(rows),
        STRINGS: strings_xml(*(f"<t>{t}</t>" for t in texts)),
    }

    found = read(write_package(tmp_path, parts))

    assert [cells[1].text for cells in found.values()] == [
        texts[(number * 7) % 500] for number in range(1, 500)
    ]
    broken = sheet_xml('<row r="1"><c r="A1" t="s"><v>500</v></c></row>')
    with pytest.raises(ImportFailed, match="the workbook is damaged"):
        read(write_package(tmp_path, parts | {SHEET: broken}))

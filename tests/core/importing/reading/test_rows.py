"""Which rows a sheet has and where their cells are, by either reader."""

import pytest

from core.importing import ImportFailed
from core.importing.reading import Cell, Kind, open_source
from tests.core.importing.reading.packages import (
    MAIN,
    SHEET,
    read,
    sheet_xml,
    write_package,
    write_rows,
)

pytestmark = pytest.mark.usefixtures("reader")

DAMAGED = "the workbook is damaged or incomplete"


def one(text="1"):
    return Cell(Kind.NUMBER, text)


def row(number, *cells, more=""):
    content = "".join(f'<c r="{cell}{number}"><v>1</v></c>' for cell in cells)
    return f'<row r="{number}"{more}>{content}</row>'


def test_rows_keep_their_numbers_and_cells_their_columns(tmp_path):
    rows = row(2, "B") + row(3) + row(5, "A", "C") + row(1_048_576, "XFD")

    assert read(write_rows(tmp_path, rows)) == {
        2: {2: one()},
        5: {1: one(), 3: one()},
        1_048_576: {16_384: one()},
    }


def test_styled_blanks_are_no_content(tmp_path):
    blanks = '<row r="1" s="4" ht="20" customHeight="1"/><row r="2"/>'
    styled = '<row r="4"><c r="A4"/><c r="B4"></c></row>'
    rows = blanks + row(3, "A") + styled + blanks.replace('"1"', '"6"', 1)

    assert read(write_rows(tmp_path, rows[: rows.rindex("<row")])) == {3: {1: one()}}


def test_escapes_beside_blank_rows(tmp_path):
    text = '<c r="A{0}" t="inlineStr"><is><t>{1}</t></is></c>'
    rows = "".join(
        f'<row r="{number}" ht="2"/><row r="{number + 1}">'
        + text.format(number + 1, "a")
        + f'</row><row r="{number + 2}">{text.format(number + 2, "b&amp;")}</row>'
        for number in range(100, 130, 3)
    )

    found = read(write_rows(tmp_path, rows))

    assert {cells[1].text for cells in found.values()} == {"a", "b&"}


def test_rows_and_cells_without_references(tmp_path):
    cells = "<c><v>1</v></c><c/><c><v>1</v></c>"
    rows = f'<row>{cells}</row><row r="4">{cells}</row><row>{cells}</row>'
    named = '<row><c r="C9"><v>1</v></c><c><v>1</v></c></row>'

    found = read(write_rows(tmp_path, rows + named))

    assert found == {
        **dict.fromkeys((1, 4, 5), {1: one(), 3: one()}),
        9: {3: one(), 4: one()},
    }


@pytest.mark.parametrize("claim", ["A1", "A1:XFD1048576", "B2:A1", "nonsense"])
def test_size_that_the_sheet_claims_means_nothing(tmp_path, claim):
    sheet = sheet_xml(row(7, "A", "C") + row(9, "A"))
    claimed = sheet.replace("<sheetData>", f'<dimension ref="{claim}"/><sheetData>')

    found = read(write_package(tmp_path, {SHEET: claimed}))

    assert {number: list(cells) for number, cells in found.items()} == {
        7: [1, 3],
        9: [1],
    }


def test_numbers_that_the_usual_pattern_does_not_know(tmp_path):
    numbers = ["1", "2", "3", "4", "+5", "6e+7", ".8", "9."] * 3
    rows = "".join(
        f'<row r="{row}"><c r="A{row}"><v>{number}</v></c></row>'
        for row, number in enumerate(numbers, start=100)
    )

    found = read(write_rows(tmp_path, rows))

    assert [cells[1].text for cells in found.values()] == numbers


def test_white_space_between_rows(tmp_path):
    rows = "\n ".join(row(number, "A") for number in range(1, 50))

    assert list(read(write_rows(tmp_path, rows))) == [*range(1, 50)]


@pytest.mark.parametrize(
    "around", ["<!-- {} -->", "<?x {} ?>", "<x><![CDATA[{}]]></x>"]
)
def test_what_looks_like_rows_but_is_none(tmp_path, around):
    rows = "".join(row(number, "A") for number in range(1, 50))
    none = around.format(row(50, "A") + row(51, "A") + row(52, "A"))

    found = read(write_rows(tmp_path, rows + none + row(60, "A")))

    assert list(found) == [*range(1, 50), 60]


def test_what_looks_like_rows_behind_the_rows(tmp_path):
    after = f"<extLst><ext>{row(9, 'A')}{row(10, 'A')}</ext></extLst>"
    sheet = sheet_xml(row(7, "A") + row(8, "A"), after=after)

    assert list(read(write_package(tmp_path, {SHEET: sheet}))) == [7, 8]


def test_what_looks_like_rows_within_a_row(tmp_path):
    within = f'<row r="8"><extLst>{row(9, "A")}{row(10, "A")}</extLst></row>'

    assert list(read(write_rows(tmp_path, row(7, "A") + within))) == [7]


def test_end_tag_with_white_space(tmp_path):
    rows = row(7, "A").replace("</row>", "</row >") + row(8, "A")

    assert list(read(write_rows(tmp_path, rows))) == [7, 8]


def test_value_holding_the_number_of_its_row(tmp_path):
    def texts(number):
        text = f'{number}" {number + 1}"'
        value = f"<is><t>{text}</t></is>"
        return f'<row r="{number}"><c r="A{number}" t="inlineStr">{value}</c></row>'

    found = read(write_rows(tmp_path, "".join(map(texts, range(1, 30)))))

    assert found == {
        number: {1: Cell(Kind.TEXT, f'{number}" {number + 1}"')}
        for number in range(1, 30)
    }


def test_style_that_is_the_number_of_a_row(tmp_path):
    formats = ("0", "00", "000", "0000", "00000", "000000")
    rows = "".join(
        f'<row r="{number}"><c r="A{number}" s="{number % 6}"><v>1</v></c></row>'
        for number in range(1, 200)
    )

    found = read(write_rows(tmp_path, rows, formats=formats))

    padded = [0, 2, 3, 4, 5, 6]
    assert {number: cells[1].digits for number, cells in found.items()} == {
        number: padded[number % 6] for number in range(1, 200)
    }


def test_rows_alike_share_their_layout(tmp_path):
    path = write_rows(tmp_path, row(7, "A", "B") + row(8, "A", "B") + row(9, "A"))

    with open_source(path) as source:
        first, second, third = source.sheet().rows()

    assert first.layout is second.layout
    assert first.layout is not third.layout
    assert third.layout.columns == (1,)


def test_rows_longer_than_what_is_read_at_once(tmp_path):
    text = "字" * 30_000
    cells = "".join(
        f'<c r="{column}{{0}}" t="inlineStr"><is><t>{text}</t></is></c>'
        for column in "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    )
    rows = "".join(
        f'<row r="{number}">{cells.format(number)}</row>' for number in (1, 2)
    )

    found = read(write_rows(tmp_path, rows + row(3, "A")))

    assert [len(cells) for cells in found.values()] == [26, 26, 1]
    assert found[2][26] == Cell(Kind.TEXT, text)


def test_merged_ranges_and_hidden_rows(tmp_path):
    rows = (
        row(1, "A")
        + row(2, "A", more=' hidden="1"')
        + row(3, more=' hidden="1"')
        + row(4, "A", more=' spans="1:1" hidden="true" x14ac:dyDescent="0.25"')
        + row(5, "A", more=' hidden="0"')
    )
    merged = '<mergeCells><mergeCell ref="A1:B2"/><mergeCell ref="C1:D1"/></mergeCells>'
    path = write_package(tmp_path, {SHEET: sheet_xml(rows, after=merged)})

    with open_source(path) as source:
        sheet = source.sheet()
        hidden = {row.number: row.hidden for row in sheet.rows()}

    assert hidden == {1: False, 2: True, 4: True, 5: False}
    assert sheet.hidden_rows == 2
    assert sheet.merged_ranges == ("A1:B2", "C1:D1")


def test_progress_goes_from_nothing_to_all(tmp_path):
    rows = "".join(row(number, "A", "B", "C") for number in range(1, 20_000))

    with open_source(write_rows(tmp_path, rows)) as source:
        sheet = source.sheet()
        seen = [sheet.progress]
        seen += [sheet.progress for _ in sheet.rows()]

    assert seen == sorted(seen)
    assert seen[0] == 0
    assert 0 < seen[10] < 1
    assert sheet.progress == 1


@pytest.mark.parametrize(
    "root",
    [
        f'x:worksheet xmlns:x="{MAIN}"',
        'worksheet xmlns="http://purl.oclc.org/ooxml/spreadsheetml/main"',
    ],
)
def test_namespaces_of_any_kind(tmp_path, root):
    prefix = root[: root.index("worksheet")]
    sheet = sheet_xml(row(7, "A") + row(8, "A"), root=root)
    if prefix:
        for name in ("sheetData", "row", "c", "v"):
            sheet = sheet.replace(f"<{name}", f"<{prefix}{name}")
            sheet = sheet.replace(f"</{name}>", f"</{prefix}{name}>")
    dimension = sheet.replace("<x:sheetData>", '<x:dimension ref="A1"/><x:sheetData>')

    assert list(read(write_package(tmp_path, {SHEET: dimension}))) == [7, 8]


def test_prefix_that_stands_in_a_text(tmp_path):
    text = (
        '<x:row r="{0}"><x:c r="A{0}" t="str"><x:v>&lt;x:v&gt; {0}</x:v></x:c></x:row>'
    )
    rows = "".join(text.format(number) for number in range(100, 110))
    sheet = sheet_xml("@", root=f'x:worksheet xmlns:x="{MAIN}"')
    sheet = sheet.replace("sheetData", "x:sheetData").replace("@", rows)

    found = read(write_package(tmp_path, {SHEET: sheet}))

    assert [cells[1].text for cells in found.values()] == [
        f"<x:v> {number}" for number in range(100, 110)
    ]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "iso-8859-1"])
def test_encodings_of_xml(tmp_path, encoding):
    text = '<row r="7"><c r="A7" t="str"><v>é</v></c></row>'
    declaration = f'<?xml version="1.0" encoding="{encoding.removesuffix("-sig")}"?>'
    sheet = (declaration + sheet_xml(text)).encode(encoding)

    assert read(write_package(tmp_path, {SHEET: sheet})) == {
        7: {1: Cell(Kind.TEXT, "é")}
    }


@pytest.mark.parametrize(
    "rows",
    [
        row(7, "A") + row(7, "A"),
        row(7, "A") + row(6, "A"),
        row(7, "A", "A"),
        row(7, "B", "A"),
        row(0, "A"),
        row("x", "A"),
        '<row r="7"><c r="A8"><v>1</v></c></row>',
        '<row r="7"><c r="A"><v>1</v></c></row>',
        '<row r="7"><c r="7"><v>1</v></c></row>',
        '<row r="7"><c r="ABCD7"><v>1</v></c></row>',
        '<row r="7"><c r="A7"><v>1</v></row>',
        '<row r="7"><c r="A7" r="A7"><v>1</v></c></row>',
        '<row r="7"><c r="A7" s="1" s="1"><v>1</v></c></row>',
        row(7, "A") + "</sheetData>" + row(8, "A"),
        row(7, "A") + "</worksheet>",
        row(7, "A") + "<",
    ],
)
@pytest.mark.parametrize("before", ["", "".join(row(n, "A") for n in range(1, 7))])
def test_rows_that_cannot_be(tmp_path, before, rows):
    path = write_rows(tmp_path, before + rows)

    with pytest.raises(ImportFailed, match=DAMAGED):
        read(path)


def test_rows_beyond_the_last(tmp_path):
    path = write_rows(tmp_path, row(1, "A") + row(1_048_577, "A"))

    with pytest.raises(ImportFailed) as failure:
        read(path)

    assert str(failure.value) == (
        "articles.xlsx, sheet Articles: the sheet has rows beyond number 1048576, "
        "the last that a sheet can have."
    )


def test_columns_beyond_the_last(tmp_path):
    path = write_rows(tmp_path, row(1, "A") + row(2, "XFD") + row(3, "XFE"))

    with pytest.raises(ImportFailed) as failure:
        read(path)

    assert str(failure.value) == (
        "articles.xlsx, sheet Articles: the sheet has columns beyond number 16384, "
        "the last that a sheet can have."
    )


def test_bytes_that_are_no_text(tmp_path):
    sheet = sheet_xml(row(7, "A") + '<row r="8"><c t="str"><v>\xff</v></c></row>')
    path = write_package(tmp_path, {SHEET: sheet.encode("latin-1")})

    with pytest.raises(ImportFailed, match=DAMAGED):
        read(path)

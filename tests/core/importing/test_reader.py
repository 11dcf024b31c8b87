"""What the cells of a sheet are read as."""

import datetime
import warnings

import openpyxl
import pytest

from core.importing import ImportFailed
from core.importing.reader import Cell, CellKind, Row, open_workbook
from tests.core.importing.workbooks import (
    SHEET,
    fill,
    formatted,
    rewrite_part,
    save_workbook,
    share_strings,
    typed,
    use_built_in_format,
)

CUSTOM_FORMAT = 'yyyy"!"mm'
MORNING = datetime.datetime.fromisoformat("2024-01-31T09:30")


def rows_of(path, sheet=None):
    with open_workbook(path) as workbook:
        return list(workbook.sheet(sheet).rows())


def cell_of(tmp_path, value, *replacements):
    """Read the only cell of a workbook, rewritten in the file if wanted."""
    path = save_workbook(tmp_path, [[value]])
    for part, old, new in replacements:
        rewrite_part(path, part, (old, new))
    (row,) = rows_of(path)
    return row.cells.get(1)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("text", Cell(CellKind.TEXT, "text")),
        (21844, Cell(CellKind.NUMBER, 21844)),
        (0.5, Cell(CellKind.NUMBER, 0.5)),
        (True, Cell(CellKind.BOOLEAN, True)),
        (MORNING, Cell(CellKind.DATE, MORNING)),
        (datetime.time(9, 30), Cell(CellKind.DATE, datetime.time(9, 30))),
        (typed("#N/A", "e"), Cell(CellKind.ERROR, "#N/A")),
        (typed("#DIV/0!", "e"), Cell(CellKind.ERROR, "#DIV/0!")),
        (typed("#N/A", "s"), Cell(CellKind.TEXT, "#N/A")),
        (typed("=1+1", "s"), Cell(CellKind.TEXT, "=1+1")),
        ("=A2+1", Cell(CellKind.FORMULA_WITHOUT_VALUE, "=A2+1")),
        (formatted(7, "000000"), Cell(CellKind.NUMBER, 7, digits=6)),
        (formatted(0.25, "0.00"), Cell(CellKind.NUMBER, 0.25)),
        ("   ", None),
        ("\u3000\xa0", None),
        ("a_x000D_\nb", Cell(CellKind.TEXT, "a\nb")),
        (formatted(10**11, "yyyy-mm-dd"), Cell(CellKind.ERROR, "#VALUE!")),
    ],
)
def test_kinds_of_cells(tmp_path, value, expected):
    assert cell_of(tmp_path, value) == expected


def test_texts_from_the_table_of_shared_strings(tmp_path):
    path = save_workbook(tmp_path, [["?", "?", "?", "?"]])
    rich = "<r><t>数据</t></r><r><rPr><b/></rPr><t>库</t></r>"
    phonetic = '<rPh sb="0" eb="3"><t>shùjùkù</t></rPh>'
    share_strings(path, "<t>plain</t>", rich + phonetic, "<t> </t>", "")

    (row,) = rows_of(path)

    assert row.cells == {
        1: Cell(CellKind.TEXT, "plain"),
        2: Cell(CellKind.TEXT, "数据库"),
    }


def test_formula_with_a_stored_value(tmp_path):
    stored = (SHEET, "<v />", "<v>3</v>")

    assert cell_of(tmp_path, "=1+2", stored) == Cell(CellKind.NUMBER, 3)


def test_formula_with_an_error_as_value(tmp_path):
    stored = (SHEET, "<v />", "<v>#REF!</v>")
    error_type = (SHEET, '<c r="A1">', '<c r="A1" t="e">')

    cell = cell_of(tmp_path, "=1+2", stored, error_type)

    assert cell == Cell(CellKind.ERROR, "#REF!")


def test_formula_with_an_empty_text_as_value_is_blank(tmp_path):
    text_type = (SHEET, '<c r="A1">', '<c r="A1" t="str">')

    assert cell_of(tmp_path, '=IF(TRUE,"","x")', text_type) is None


def test_row_of_formulas_alone_is_not_blank(tmp_path):
    path = save_workbook(tmp_path, [["name", "slug"], ["=B1", "=A1"]])

    assert rows_of(path)[1].cells.keys() == {1, 2}


@pytest.mark.parametrize("number_format", [*range(27, 37), *range(50, 59)])
def test_built_in_date_formats_of_east_asian_excel(tmp_path, number_format):
    path = save_workbook(tmp_path, [[formatted(MORNING, CUSTOM_FORMAT)]])
    use_built_in_format(path, number_format)

    assert rows_of(path)[0].cells[1] == Cell(CellKind.DATE, MORNING)


def test_east_asian_date_outside_the_calendar(tmp_path):
    path = save_workbook(tmp_path, [[MORNING, formatted(10**11, CUSTOM_FORMAT)]])
    use_built_in_format(path, 31)

    assert rows_of(path)[0].cells[2] == Cell(CellKind.ERROR, "#VALUE!")


def test_dates_counted_from_1904(tmp_path):
    workbook = openpyxl.Workbook()
    workbook.epoch = openpyxl.utils.datetime.MAC_EPOCH
    fill(workbook.active, [[MORNING, formatted(MORNING, CUSTOM_FORMAT)]])
    path = tmp_path / "articles.xlsx"
    workbook.save(path)
    use_built_in_format(path, 31)

    cells = rows_of(path)[0].cells

    assert cells[1] == cells[2] == Cell(CellKind.DATE, MORNING)


def test_rows_keep_their_number_and_cells_their_column(tmp_path):
    path = save_workbook(tmp_path, [[], [None, "B2"], [], ["A4", None, "C4"]])

    assert rows_of(path) == [
        Row(1, {}),
        Row(2, {2: Cell(CellKind.TEXT, "B2")}),
        Row(3, {}),
        Row(4, {1: Cell(CellKind.TEXT, "A4"), 3: Cell(CellKind.TEXT, "C4")}),
    ]


def test_size_that_the_file_claims_cuts_nothing_off(tmp_path):
    path = save_workbook(tmp_path, [["A1", "B1"], ["A2", "B2"]])
    rewrite_part(path, SHEET, ('ref="A1:B2"', 'ref="A1"'))

    assert [len(row.cells) for row in rows_of(path)] == [2, 2]


def test_value_in_the_last_cell_of_the_sheet(tmp_path):
    path = save_workbook(tmp_path, [["name"], ["A"]])
    rewrite_part(path, SHEET, ('r="A2"', 'r="XFD2"'))

    assert rows_of(path)[1].cells == {16_384: Cell(CellKind.TEXT, "A")}


@pytest.fixture
def three_sheets(tmp_path):
    workbook = openpyxl.Workbook()
    workbook.active.title = "Notes"
    workbook.active.sheet_state = "hidden"
    fill(workbook.create_sheet("Articles"), [["articles"]])
    fill(workbook.create_sheet("分类"), [["categories"]])
    workbook.active = 1
    path = tmp_path / "site.xlsx"
    workbook.save(path)
    return path


def test_first_visible_sheet_is_the_default(three_sheets):
    assert rows_of(three_sheets)[0].cells[1].value == "articles"


@pytest.mark.parametrize("name", ["Articles", "ARTICLES"])
def test_sheet_by_name_in_any_case(three_sheets, name):
    assert rows_of(three_sheets, name)[0].cells[1].value == "articles"


def test_unknown_sheet_lists_the_sheets(three_sheets):
    with pytest.raises(ImportFailed) as failure:
        rows_of(three_sheets, "标签")

    assert str(failure.value) == (
        'site.xlsx: there is no sheet "标签"; expected one of: Notes, Articles, 分类.'
    )


def test_misspelt_sheet_gets_a_suggestion(three_sheets):
    with pytest.raises(ImportFailed) as failure:
        rows_of(three_sheets, "Artikles")

    assert str(failure.value) == (
        'site.xlsx: there is no sheet "Artikles"; did you mean "Articles"? '
        "Sheets: Notes, Articles, 分类."
    )


def test_warnings_of_openpyxl_stay_inside(tmp_path):
    path = save_workbook(tmp_path, [["name"], ["A"]])
    extension = '<extLst><ext uri="{00000000-0000-0000-0000-000000000000}"/></extLst>'
    rewrite_part(path, SHEET, ("</worksheet>", extension + "</worksheet>"))

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        assert len(rows_of(path)) == 2

    assert caught == []


def test_warnings_of_others_are_heard_while_a_workbook_is_open(tmp_path):
    path = save_workbook(tmp_path, [["name"]])

    # In the tests a warning that is heard is an error.
    with open_workbook(path), pytest.raises(UserWarning, match="ours"):
        warnings.warn("ours", stacklevel=1)

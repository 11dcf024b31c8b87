"""Workbooks that are written: rejects, templates and exports, as they are read again."""

import datetime
from decimal import Decimal
from io import BytesIO
from zoneinfo import ZoneInfo

import openpyxl
import pytest
from django.utils import timezone

from core.importing.reading import Cell, Kind, open_source
from core.importing.workbooks import (
    RejectedRow,
    Summary,
    TemplateColumn,
    rejects,
    write_export,
    write_rejects,
    write_template,
)
from core.importing.workbooks.cells import TooLong

HEADERS = {1: "title", 3: "price"}
LONG_NUMBER = "123456789012345678"


@pytest.fixture
def path(tmp_path):
    return tmp_path / "articles.xlsx"


def read(path, sheet=None):
    with open_source(path) as source:
        return [row.cells for row in source.sheet(sheet).rows()]


def text(value):
    return Cell(Kind.TEXT, value)


def export_of(path, *values):
    """Write values below their numbers, and read what became of them."""
    write_export(
        path, [str(number) for number, _ in enumerate(values)], [values], sheet="s"
    )
    header, *rows = read(path)
    assert len(header) == len(values)
    return rows[0] if rows else {}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("plain", text("plain")),
        (" padded ", text(" padded ")),
        ("=cmd|' /C calc'!A0", text("=cmd|' /C calc'!A0")),
        ("#N/A", text("#N/A")),
        ("007", text("007")),
        ("2024-01-31", text("2024-01-31")),
        ("a\nb", text("a\nb")),
        ("a\x07\ufffe\ud800b", text("a\ufffd\ufffd\ufffdb")),
        ("_x0041_", text("_x0041_")),
        ("字" * 32_767, text("字" * 32_767)),
        ("", None),
        (None, None),
        (True, Cell(Kind.BOOLEAN, "1")),
        (21844, Cell(Kind.NUMBER, "21844")),
        (-0.5, Cell(Kind.NUMBER, "-0.5")),
        (0.1 + 0.2, Cell(Kind.NUMBER, "0.3")),
        (Decimal("12.50"), Cell(Kind.NUMBER, "12.5")),
        (10**15, Cell(Kind.NUMBER, "1000000000000000")),
        (int(LONG_NUMBER), text(LONG_NUMBER)),
        (Decimal("1234567890123456.78"), text("1234567890123456.78")),
        (float("inf"), text("inf")),
        (datetime.date(2024, 1, 31), Cell(Kind.DATE, "2024-01-31")),
        (
            datetime.datetime.fromisoformat("2024-01-31T09:30:00.250"),
            Cell(Kind.DATE, "2024-01-31 09:30:00.250"),
        ),
        (datetime.date(1899, 12, 31), text("1899-12-31")),
        (datetime.time(9, 30), Cell(Kind.DATE, "09:30:00")),
        (datetime.timedelta(hours=36), Cell(Kind.DATE, "36:00:00")),
        (["a"], text("['a']")),
    ],
)
def test_exported_values(path, value, expected):
    assert export_of(path, value).get(1) == expected


def test_exported_moments_are_local(path, settings):
    settings.TIME_ZONE = "Asia/Shanghai"
    moment = datetime.datetime(2024, 1, 31, 1, 30, tzinfo=datetime.UTC)

    with timezone.override(ZoneInfo("Asia/Shanghai")):
        assert export_of(path, moment)[1] == Cell(Kind.DATE, "2024-01-31 09:30:00")


def test_text_that_no_cell_can_hold_is_not_cut_off(path):
    with pytest.raises(TooLong, match="32768 characters; a cell holds 32767"):
        export_of(path, "x" * 32_768)


def test_nothing_remains_of_an_export_that_failed(path, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))

    with pytest.raises(ZeroDivisionError):
        write_export(path, ["title"], ([1 / (2 - n)] for n in range(9)), sheet="s")

    assert list(tmp_path.iterdir()) == []


def test_export_to_a_stream():
    stream = BytesIO()

    write_export(stream, ["title"], iter([["A"], ["B"]]), sheet="Articles")

    sheet = openpyxl.load_workbook(stream)["Articles"]
    assert [cell.value for (cell,) in sheet.iter_rows()] == ["title", "A", "B"]
    assert sheet.freeze_panes == "A2"


@pytest.mark.parametrize(
    ("name", "expected"),
    [("a/b[1]:*?", "a_b_1____"), ("x" * 40, "x" * 31), ("'", "rows"), ("", "rows")],
)
def test_names_that_no_sheet_can_have(path, name, expected):
    write_export(path, ["title"], [], sheet=name)

    with open_source(path) as source:
        assert [sheet.name for sheet in source.sheets] == [expected]


CELLS = [
    Cell(Kind.TEXT, "=1+1"),
    Cell(Kind.NUMBER, "7", 6),
    Cell(Kind.NUMBER, "-0.5"),
    Cell(Kind.BOOLEAN, "0"),
    Cell(Kind.DATE, "2024-01-31"),
    Cell(Kind.DATE, "2024-01-31 09:30:00.250"),
    Cell(Kind.DATE, "09:30:00"),
    Cell(Kind.DATE, "36:00:00"),
    Cell(Kind.ERROR, "#N/A"),
]


@pytest.mark.parametrize("cell", CELLS)
def test_rejected_cells_stay_as_they_are(path, cell):
    row = RejectedRow(2, {1: cell}, {1: "wrong."})

    write_rejects(path, {1: "title"}, [row], [], sheet="Articles")

    assert read(path)[1][1] == cell


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        (Cell(Kind.NUMBER, LONG_NUMBER), text(LONG_NUMBER)),
        (Cell(Kind.NUMBER, "1E999"), text("1E999")),
        (Cell(Kind.NUMBER, "0.30000000000000004"), Cell(Kind.NUMBER, "0.3")),
        (Cell(Kind.FORMULA_WITHOUT_VALUE, "=A1"), text("=A1")),
        (Cell(Kind.INVALID_DATE, "60"), Cell(Kind.NUMBER, "60")),
        (Cell(Kind.ERROR, "#SPILL!"), text("#SPILL!")),
        (Cell(Kind.DATE, "1900-01-01"), text("1900-01-01")),
        (Cell(Kind.TEXT, "a\x01"), text("a\ufffd")),
    ],
)
def test_rejected_cells_that_cannot_stay_as_they_are(path, cell, expected):
    write_rejects(path, {1: "title"}, [RejectedRow(2, {1: cell}, {})], [], sheet="s")

    assert read(path)[1][1] == expected


def test_rejected_rows_tell_what_is_wrong_and_where_they_were(path):
    rows = [
        RejectedRow(4, {1: text("A"), 3: text("x")}, {3: '"x"; expected a number.'}),
        RejectedRow(9, {3: text("1")}, {0: "the row is double.", 1: "blank."}),
    ]

    write_rejects(path, HEADERS, rows, [], sheet="Articles")

    header, first, second = read(path, "Articles")
    assert header == {
        1: text("title"),
        3: text("price"),
        4: text("__error"),
        5: text("__row"),
    }
    assert first[4] == text('"x"; expected a number.')
    assert first[5] == Cell(Kind.NUMBER, "4")
    assert second == {
        3: text("1"),
        4: text("the row is double.\nblank."),
        5: Cell(Kind.NUMBER, "9"),
    }


def test_bad_cells_are_marked_and_commented(path):
    row = RejectedRow(4, {1: text("A"), 3: text("x")}, {3: "wrong.", 1: ""})

    write_rejects(path, HEADERS, [row, row], [], sheet="Articles")

    sheet = openpyxl.load_workbook(path)["Articles"]
    assert sheet["C2"].comment.text == "wrong."
    assert sheet["C3"].fill.fgColor.rgb.endswith("FFC7CE")
    assert sheet["A2"].comment is None
    assert sheet["A2"].fill.fill_type is None
    assert sheet["A2"].number_format == "@"
    assert sheet.freeze_panes == "A2"


def test_comments_stop_where_they_would_be_too_many(path, monkeypatch):
    monkeypatch.setattr(rejects, "MAX_COMMENTS", 2)
    rows = [RejectedRow(number, {}, {1: "blank."}) for number in range(2, 6)]

    write_rejects(path, HEADERS, rows, [], sheet="Articles")

    sheet = openpyxl.load_workbook(path)["Articles"]
    commented = [cell.coordinate for (cell, *_) in sheet.iter_rows() if cell.comment]
    assert commented == ["A2", "A3"]
    assert sheet["A5"].fill.fill_type == "solid"
    assert sheet["D5"].value == "blank."


def test_summary_of_the_rejects(path):
    summaries = [Summary("wrong kind of value", "price", 214, "C17")]

    write_rejects(path, HEADERS, [], summaries, sheet="Articles")

    assert read(path, "summary")[1] == {
        1: text("wrong kind of value"),
        2: text("price"),
        3: Cell(Kind.NUMBER, "214"),
        4: text("C17"),
    }


@pytest.fixture
def template(path):
    columns = [
        TemplateColumn("标题", "Text of at most 200 characters, required."),
        TemplateColumn("date", "A date.", "yyyy-mm-dd"),
        TemplateColumn("status", "One of the list.", choices=["draft", "=published"]),
        TemplateColumn("price", "A number.", "General"),
    ]
    write_template(path, columns, sheet="Articles")
    return openpyxl.load_workbook(path)


def test_template_has_headers_and_rules(template):
    sheet = template["Articles"]

    assert [cell.value for cell in sheet[1]] == ["标题", "date", "status", "price"]
    assert sheet["A1"].comment.text == "Text of at most 200 characters, required."
    assert sheet.freeze_panes == "A2"


def test_template_formats_its_columns(template):
    formats = template["Articles"].column_dimensions

    assert [formats[letter].number_format for letter in "ABCD"] == [
        "@",
        "yyyy-mm-dd",
        "@",
        "General",
    ]


def test_template_offers_choices_from_a_hidden_sheet(template):
    (rule,) = template["Articles"].data_validations.dataValidation
    choices = template["choices"]

    assert (rule.type, str(rule.sqref)) == ("list", "C2:C1048576")
    assert rule.formula1 == "choices!$C$1:$C$2"
    assert [row[2].value for row in choices.iter_rows()] == ["draft", "=published"]
    assert choices.sheet_state == "hidden"


def test_template_without_choices_has_one_sheet(path):
    write_template(path, [TemplateColumn("title", "Text.")], sheet="Articles")

    with open_source(path) as source:
        assert len(source.sheets) == 1

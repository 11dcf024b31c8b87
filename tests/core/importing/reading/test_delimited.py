"""Delimited text in the encodings and the forms that programs save it in."""

import pytest

from core.importing import ImportFailed
from core.importing.reading import Cell, Kind, SheetInfo, delimited, open_source

CHINESE = "标题,作者\n数据库,小明\n"


def save(tmp_path, content, *, name="articles.csv", encoding="utf-8"):
    path = tmp_path / name
    path.write_bytes(
        content if isinstance(content, bytes) else content.encode(encoding)
    )
    return path


def read(path, **options):
    """Give the texts by the number of their row and by column."""
    with open_source(path, **options) as source:
        rows = list(source.sheet().rows())
    assert all(cell.kind is Kind.TEXT for row in rows for cell in row.cells.values())
    return {
        row.number: {column: cell.text for column, cell in row.cells.items()}
        for row in rows
    }


def refusal(path, **options):
    with pytest.raises(ImportFailed) as failure:
        read(path, **options)
    return str(failure.value)


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "gbk", "gb18030", "gb2312"]
)
def test_encodings_that_are_found(tmp_path, encoding):
    path = save(tmp_path, CHINESE, encoding=encoding)

    assert read(path) == {1: {1: "标题", 2: "作者"}, 2: {1: "数据库", 2: "小明"}}


def test_utf_16_with_the_other_byte_first(tmp_path):
    path = save(tmp_path, "\ufeff" + CHINESE, encoding="utf-16-be")

    assert read(path)[1] == {1: "标题", 2: "作者"}


@pytest.mark.parametrize(
    ("encoding", "named"), [("big5", "big5"), ("utf-8-sig", "utf8"), ("utf-8", "UTF-8")]
)
def test_encoding_that_is_named(tmp_path, encoding, named):
    path = save(tmp_path, "標題,作者\n", encoding=encoding)

    assert read(path, encoding=named) == {1: {1: "標題", 2: "作者"}}


def test_encoding_that_is_not_found(tmp_path):
    assert refusal(save(tmp_path, b"title\n\xff\xff\n")) == (
        "articles.csv: the text is neither UTF-8 nor GB18030; name its encoding, or "
        "save the file as .xlsx."
    )


def test_encoding_that_is_wrong(tmp_path):
    path = save(tmp_path, CHINESE, encoding="gbk")

    assert refusal(path, encoding="utf-8") == (
        "articles.csv, sheet articles: the text is not encoded as utf-8-sig; name its "
        "encoding."
    )


@pytest.mark.parametrize("encoding", ["klingon", "rot13", "base64", "\0"])
def test_encoding_that_is_unknown(tmp_path, encoding):
    assert "is unknown; expected one such as utf-8 or gb18030." in refusal(
        save(tmp_path, CHINESE), encoding=encoding
    )


@pytest.mark.parametrize("delimiter", [",", "\t", ";", "|"])
@pytest.mark.parametrize("name", ["articles.csv", "articles.tsv"])
def test_delimiters(tmp_path, delimiter, name):
    lines = ["title{0}body{0}tags", '"A, b; c"{0}one, two; three|four{0}x', "B{0}{0}y"]
    if delimiter != "\t":
        lines[1] = '"A, b; c"{0}one{0}x'
    path = save(tmp_path, "\r\n".join(lines).format(delimiter), name=name)

    found = read(path)

    assert found[1] == {1: "title", 2: "body", 3: "tags"}
    assert found[2][1] == "A, b; c"
    assert found[3] == {1: "B", 3: "y"}


def test_delimiter_named_in_the_first_line(tmp_path):
    assert read(save(tmp_path, "sep=^\r\na^b\r\n")) == {2: {1: "a", 2: "b"}}


def test_a_single_column(tmp_path):
    assert read(save(tmp_path, "title\nA\nB\n")) == {
        1: {1: "title"},
        2: {1: "A"},
        3: {1: "B"},
    }


def test_quoted_line_breaks_and_quotation_marks(tmp_path):
    path = save(tmp_path, 'a,b\r\n"one\r\ntwo, ""three""",x\r\ny,5" z\r\n')

    assert read(path) == {
        1: {1: "a", 2: "b"},
        2: {1: 'one\ntwo, "three"', 2: "x"},
        3: {1: "y", 2: '5" z'},
    }


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_line_ends(tmp_path, line_end):
    path = save(tmp_path, line_end.join(["a,b", "1,2", "", "3,4"]))

    assert list(read(path)) == [1, 2, 4]


def test_blank_fields_and_rows_are_no_content(tmp_path):
    path = save(tmp_path, "a,b,c\n, ,\n,,\n\n\u3000,x,\n")

    assert read(path) == {1: {1: "a", 2: "b", 3: "c"}, 5: {2: "x"}}


def test_numbers_are_kept_as_they_are_written(tmp_path):
    path = save(tmp_path, 'id,code,n\n007,="00123",1.10101E+17\n8,"=""0,1""",=1+1\n')

    assert read(path) == {
        1: {1: "id", 2: "code", 3: "n"},
        2: {1: "007", 2: "00123", 3: "1.10101E+17"},
        3: {1: "8", 2: "0,1", 3: "=1+1"},
    }


def test_the_sheet_is_named_like_the_file(tmp_path):
    with open_source(save(tmp_path, "a,b\n")) as source:
        assert source.sheets == (SheetInfo("articles", "visible"),)
        sheet = source.sheet("articles")
        assert sheet.name == "articles"
        assert (sheet.merged_ranges, sheet.hidden_rows) == ((), 0)


def test_progress_goes_from_nothing_to_all(tmp_path):
    with open_source(save(tmp_path, "a,b\n" * 50_000)) as source:
        sheet = source.sheet()
        rows = sheet.rows()
        next(rows)
        assert 0 < sheet.progress < 0.5
        assert sum(1 for _ in rows) == 49_999
        assert sheet.progress == 1


def test_rows_alike_share_their_layout(tmp_path):
    with open_source(save(tmp_path, "a,b\nc,d\n")) as source:
        first, second = source.sheet().rows()

    assert first.layout is second.layout


@pytest.mark.parametrize("content", ['a,b\n"c,d\n' + "e,f\n" * 3, 'a,b\n"c"x,d\n'])
def test_quotation_marks_that_do_not_match(tmp_path, content):
    assert "do not match; write a quotation mark within a text twice." in refusal(
        save(tmp_path, content)
    )


def test_longest_text(tmp_path):
    path = save(tmp_path, f"a,{'字' * 32_767}\n")

    assert len(read(path)[1][2]) == 32_767
    assert refusal(save(tmp_path, f"a,{'字' * 32_768}\n")) == (
        "articles.csv, sheet articles, cell B1: a text has more than 32767 characters, "
        "the most that a cell can hold."
    )
    assert "more than 32767 characters" in refusal(save(tmp_path, "x" * 200_000))


def test_columns_beyond_the_last(tmp_path):
    assert read(save(tmp_path, "a," * 16_383 + "z"))[1][16_384] == "z"
    assert "columns beyond number 16384" in refusal(save(tmp_path, "a," * 16_384 + "z"))


@pytest.mark.parametrize("limit", ["MAX_LINE_CHARACTERS", "MAX_RECORD_CHARACTERS"])
def test_endless_records(tmp_path, monkeypatch, limit):
    monkeypatch.setattr(delimited, limit, 100)
    content = "a,b\n" * 100 + '"\n",' * 100 if "RECORD" in limit else "a," * 100

    assert "is too long for a row" in refusal(save(tmp_path, content))


def test_cells_of_a_row(tmp_path):
    with open_source(save(tmp_path, "a,,c\n")) as source:
        (row,) = source.sheet().rows()

    assert row.cells == {1: Cell(Kind.TEXT, "a"), 3: Cell(Kind.TEXT, "c")}

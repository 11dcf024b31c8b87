"""What single cells are read as, by either reader."""

import pytest

from core.importing import ImportFailed
from core.importing.reading import Cell, Kind
from tests.core.importing.reading.packages import read, write_rows

pytestmark = pytest.mark.usefixtures("reader")

STRINGS = (
    "<t>plain</t>",
    "<r><t>数据</t></r><r><rPr><b/></rPr><t>库</t></r><rPh><t>shùjù</t></rPh>",
    "<t> </t>",
    "<t/>",
    '<t xml:space="preserve"> padded </t>',
)
FORMATS = (0, "000000", 14, "0.00", '"No. "0000', "00", 22, 46)


def cell_of(tmp_path, inner, *, row=100, more=""):
    """Read a cell in a row whose number is that of nothing else."""
    kind, content = inner if isinstance(inner, tuple) else ("", inner)
    rows = f'<row r="{row}"><c r="B{row}" {kind}>{content}</c>{more}</row>'
    path = write_rows(tmp_path, rows, strings=STRINGS, formats=FORMATS)
    return read(path).get(row, {}).get(2)


def number(stored, style):
    return f's="{style}"', f"<v>{stored}</v>"


def inline(text):
    return 't="inlineStr"', f"<is>{text}</is>"


@pytest.mark.parametrize(
    ("inner", "expected"),
    [
        (('t="s"', "<v>0</v>"), Cell(Kind.TEXT, "plain")),
        (('t="s"', "<v>1</v>"), Cell(Kind.TEXT, "数据库")),
        (('t="s"', "<v>4</v>"), Cell(Kind.TEXT, " padded ")),
        (('s="1" t="s"', "<v>0</v>"), Cell(Kind.TEXT, "plain")),
        (('t="s" s="1"', "<v>0</v>"), Cell(Kind.TEXT, "plain")),
        (inline("<t>plain</t>"), Cell(Kind.TEXT, "plain")),
        (inline('<t xml:space="preserve"> a </t>'), Cell(Kind.TEXT, " a ")),
        (inline("<r><t>a</t></r><r><t>b</t></r>"), Cell(Kind.TEXT, "ab")),
        (inline("<t>&lt;b&gt; &amp;amp; &quot;</t>"), Cell(Kind.TEXT, '<b> &amp; "')),
        (inline("<t>&#25991;&#x7AE0;!</t>"), Cell(Kind.TEXT, "文章!")),
        (inline("<t>a&#10;b&#38;lt;</t>"), Cell(Kind.TEXT, "a\nb&lt;")),
        (inline("<t>a\r\nb</t>"), Cell(Kind.TEXT, "a\nb")),
        (inline("<t><![CDATA[<v>]]></t>"), Cell(Kind.TEXT, "<v>")),
        (inline("<t>a_x000D_\nb_x4E2D_</t>"), Cell(Kind.TEXT, "a\nb中")),
        (inline("<t>_x005F_x000D_</t>"), Cell(Kind.TEXT, "_x000D_")),
        (inline("<t>_xD83D__xDE00_</t>"), Cell(Kind.TEXT, "😀")),
        (inline("<t>_xD83D_</t>"), Cell(Kind.TEXT, "\N{REPLACEMENT CHARACTER}")),
        (inline('<t>5" 100"</t>'), Cell(Kind.TEXT, '5" 100"')),
        (inline("<t>007</t>"), Cell(Kind.TEXT, "007")),
        (inline("<t>=1+1</t>"), Cell(Kind.TEXT, "=1+1")),
        (inline("<t>#N/A</t>"), Cell(Kind.TEXT, "#N/A")),
        (('t="str"', "<v>text</v>"), Cell(Kind.TEXT, "text")),
        ("<v>21844</v>", Cell(Kind.NUMBER, "21844")),
        ("<v> 7 </v>", Cell(Kind.NUMBER, "7")),
        ('<v xml:space="preserve">7</v>', Cell(Kind.NUMBER, "7")),
        ("<v>-0.5</v>", Cell(Kind.NUMBER, "-0.5")),
        ("<v>1.5E-7</v>", Cell(Kind.NUMBER, "1.5E-7")),
        ("<v>0.30000000000000004</v>", Cell(Kind.NUMBER, "0.30000000000000004")),
        ("<v>123456789012345678</v>", Cell(Kind.NUMBER, "123456789012345678")),
        (number("7", 1), Cell(Kind.NUMBER, "7", 6)),
        (number("7", 5), Cell(Kind.NUMBER, "7", 2)),
        (number("7", 3), Cell(Kind.NUMBER, "7")),
        (number("7", 4), Cell(Kind.NUMBER, "7")),
        (number("45322", 2), Cell(Kind.DATE, "2024-01-31")),
        (number("45322.39583333334", 2), Cell(Kind.DATE, "2024-01-31 09:30:00")),
        (number("45322", 6), Cell(Kind.DATE, "2024-01-31")),
        (number("1.5", 7), Cell(Kind.DATE, "36:00:00")),
        (number("60", 2), Cell(Kind.INVALID_DATE, "60")),
        (number("-1", 2), Cell(Kind.INVALID_DATE, "-1")),
        (('t="b"', "<v>1</v>"), Cell(Kind.BOOLEAN, "1")),
        (('t="b"', "<v>false</v>"), Cell(Kind.BOOLEAN, "0")),
        (('t="e"', "<v>#DIV/0!</v>"), Cell(Kind.ERROR, "#DIV/0!")),
        (('t="d"', "<v>2024-01-31T00:00:00</v>"), Cell(Kind.DATE, "2024-01-31")),
        (('t="d"', "<v>2024-13-31</v>"), Cell(Kind.INVALID_DATE, "2024-13-31")),
        ("<f>A1+1</f>", Cell(Kind.FORMULA_WITHOUT_VALUE, "=A1+1")),
        ("<f>A1+1</f><v/>", Cell(Kind.FORMULA_WITHOUT_VALUE, "=A1+1")),
        ("<f>A1+1</f><v></v>", Cell(Kind.FORMULA_WITHOUT_VALUE, "=A1+1")),
        ('<f t="shared" si="0"/>', Cell(Kind.FORMULA_WITHOUT_VALUE, "=")),
        (('t="str"', "<f>A1</f>"), Cell(Kind.FORMULA_WITHOUT_VALUE, "=A1")),
        ("<f>A1&lt;1</f><v>3</v>", Cell(Kind.NUMBER, "3")),
        ('<f t="shared" si="0"/><v>3</v>', Cell(Kind.NUMBER, "3")),
        ('<f t="array" ref="B2">A1</f><v>3</v>', Cell(Kind.NUMBER, "3")),
        (('t="e"', "<f>A1</f><v>#REF!</v>"), Cell(Kind.ERROR, "#REF!")),
        (('t="str"', "<f>A1</f><v>x</v>"), Cell(Kind.TEXT, "x")),
    ],
)
def test_cell(tmp_path, inner, expected):
    assert cell_of(tmp_path, inner) == expected


@pytest.mark.parametrize(
    "inner",
    [
        "",
        "<v></v>",
        "<v/>",
        "<v> </v>",
        ('t="s"', "<v>2</v>"),
        ('t="s"', "<v>3</v>"),
        inline("<t>   </t>"),
        inline("<t>\u3000\xa0</t>"),
        inline("<t></t>"),
        inline("<rPh><t>x</t></rPh>"),
        ('t="str"', "<f>A1</f><v></v>"),
        ('t="e"', ""),
    ],
)
def test_blank_cell(tmp_path, inner):
    beside = '<c r="C100"><v>1</v></c>'

    assert cell_of(tmp_path, inner) is None
    assert cell_of(tmp_path, inner, more=beside) is None


@pytest.mark.parametrize(
    "inner",
    [
        ('t="s"', "<v>5</v>"),
        ('t="s"', "<v>-1</v>"),
        ('t="s"', "<v>one</v>"),
        ('t="s"', "<v>²</v>"),
        ('t="s"', f"<v>{'9' * 5000}</v>"),
        ('t="q"', "<v>1</v>"),
        ('t="b"', "<v>2</v>"),
        ('s="99"', "<v>1</v>"),
        ('s="-1"', "<v>1</v>"),
        ('s="x"', "<v>1</v>"),
        "<v>one</v>",
        "<v>1_0</v>",
        "<v>１</v>",
        "<v>NaN</v>",
        "<v>1e9999</v>",
        f"<v>{'9' * 65}</v>",
        number("1_0", 2),
        number("nan", 2),
        "<v>1</v><v>2</v>",
        "<v>1<v>",
        inline("<t>\x01</t>"),
        inline("<t>&#1;</t>"),
        inline("<t>&#xD800;</t>"),
        inline("<t>&unknown;</t>"),
        inline("<t>\ufffe</t>"),
        inline("<t>a < b</t>"),
    ],
)
def test_cell_that_cannot_be(tmp_path, inner):
    with pytest.raises(ImportFailed, match="the workbook is damaged or incomplete"):
        cell_of(tmp_path, inner)


@pytest.mark.parametrize("length", [32_767, 32_768])
@pytest.mark.parametrize("character", ["a", "字", "_x4E2D_"])
def test_longest_text(tmp_path, length, character):
    text = inline(f"<t>{character * length}</t>")

    if length == 32_767:
        assert len(cell_of(tmp_path, text).text) == length
    else:
        with pytest.raises(ImportFailed) as failure:
            cell_of(tmp_path, text)
        assert str(failure.value) == (
            "articles.xlsx, sheet Articles, cell B100: a text has more than 32767 "
            "characters, the most that a cell can hold."
        )

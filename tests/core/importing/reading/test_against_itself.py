"""What is read fast is what it is when read exactly, whatever the XML."""

import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.importing import ImportFailed
from core.importing.reading import open_source, shared_strings, worksheet
from tests.core.importing.reading.packages import MAIN, write_rows
from tests.core.importing.reading.packages import STRINGS as STRINGS_PART

STRINGS = ("<t>shared</t>", "<t> </t>", "<r><t>数据</t></r><r><t>库</t></r>")
FORMATS = (0, 14, "000", 22, 46)

numbers = st.sampled_from(["0", "1", "2", "12", "0.5", "45322.25", "-1", "60", "1E5"])
odd_numbers = st.sampled_from(["", " ", "x", "1_0", "-0", "nan", " 1 ", "１", "&#49;"])
texts = st.text(st.sampled_from("ab 5\"'_x0D;>\n\t\xa0字\ue000"), max_size=12) | (
    st.sampled_from(["&amp;", "&lt;v&gt;", "&#25991;&#31456;!", "&#x6587;", "_x000D_"])
)
odd_texts = st.sampled_from(
    ["&#;", "&nbsp;", "&#10;", "&#65;", "&#0;", "\r\n", "\x01", "\ufffe", "<", "]]>"]
    + ["<![CDATA[x]]>", "<!-- -->", "<v>", "</v>", "<is><t>", "<b/>", "_xD83D_"]
)
INLINE = (' t="inlineStr"', "<is><t>{}</t></is>")
PADDED = (' t="inlineStr"', '<is><t xml:space="preserve">{}</t></is>')
contents = st.one_of(
    st.tuples(st.sampled_from([("", "<v>{}</v>"), (' t="n"', "<v>{}</v>")]), numbers),
    st.tuples(st.sampled_from([INLINE, PADDED, (' t="str"', "<v>{}</v>")]), texts),
    st.tuples(st.just((' t="s"', "<v>{}</v>")), st.sampled_from("012")),
    st.tuples(st.just((' t="b"', "<v>{}</v>")), st.sampled_from("01")),
    st.tuples(st.just(("", "<f>{}</f><v>1</v>")), texts),
    st.tuples(st.just(("", '<f t="shared" si="0"/><v>{}</v>')), numbers),
    st.just((("", ""), "")),
)
odd_contents = st.one_of(
    st.tuples(st.sampled_from([INLINE, (' t="str"', "<v>{}</v>")]), odd_texts),
    st.tuples(st.just(("", "<f>{}</f><v>1</v>")), odd_texts),
    st.tuples(
        st.sampled_from([("", "<v>{}</v>"), (' t="s"', "<v>{}</v>"), INLINE])
        | st.sampled_from([(' t="b"', "<v>{}</v>"), (' t="q"', "<v>{}</v>")]),
        odd_numbers,
    ),
    st.tuples(
        st.sampled_from(["", ' t="s"', ' t="inlineStr"', ' t="e"', ' t="d"']),
        st.sampled_from(["<v/>", "<f>A1</f>", "<extLst/>", " ", "<v>1</v><v>2</v>"]),
    ).map(lambda pair: (pair, "")),
)
styles = st.sampled_from(["", ' s="0"', ' s="1"', ' s="2"', ' s="3"', ' s="4"'])
columns = st.sampled_from(["A", "B", "C", "D", "AA", "XFD"])
more = st.sampled_from(["", ' spans="1:8"', ' hidden="1"', ' ht="15" hidden="0"', " x"])
between = st.sampled_from(["", "\n  ", '<row r="{}" ht="2"/>', "<!-- -->", "x"])


@st.composite
def cells(draw):
    is_odd = draw(st.integers(0, 30)) == 30
    (kind, form), content = draw(odd_contents if is_odd else contents)
    style = draw(st.just(' s="9"') if draw(st.integers(0, 60)) == 60 else styles)
    attributes = kind + style if draw(st.booleans()) else style + kind
    return draw(columns), attributes, form.format(content)


def row_xml(number, layout, attributes, before):
    content = "".join(
        f'<c r="{column}{number}"{kind}>{value}</c>' for column, kind, value in layout
    )
    return before.format(number - 1) + f'<row r="{number}"{attributes}>{content}</row>'


rows_alike = st.lists(cells(), max_size=4, unique_by=lambda cell: cell[0])


@st.composite
def sheets(draw):
    """A few layouts of rows, repeated, and now and then something else."""
    layouts = draw(st.lists(rows_alike, min_size=1, max_size=3))
    for layout in layouts:
        layout.sort(key=lambda cell: (len(cell[0]), cell[0]))
    rows, number = [], draw(st.sampled_from([1, 5, 98]))
    for _ in range(draw(st.integers(1, 8))):
        attributes = draw(more) if draw(st.integers(0, 5)) == 5 else ""
        before = draw(between) if draw(st.integers(0, 8)) == 8 else ""
        rows.append(row_xml(number, draw(st.sampled_from(layouts)), attributes, before))
        number += draw(st.sampled_from([1, 1, 1, 2, 3]))
    return "".join(rows)


def outcome(path):
    try:
        with open_source(path) as source:
            sheet = source.sheet()
            rows = [(row.number, row.cells, row.hidden) for row in sheet.rows()]
            return rows, sheet.hidden_rows
    except ImportFailed as failure:
        return str(failure)


@settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(rows=sheets(), cut=st.sampled_from([0] * 8 + [1, 5, 30]))
def test_both_ways_read_the_same(tmp_path, rows, cut):
    rows = rows[: len(rows) - cut] if cut < len(rows) else rows
    path = write_rows(tmp_path, rows, strings=STRINGS, formats=FORMATS)

    fast = outcome(path)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(worksheet, "ROWS_START", re.compile(b"<never>"))
        exact = outcome(path)

    assert fast == exact


items = st.sampled_from(
    [
        "<si><t>{}</t></si>",
        '<si><t xml:space="preserve">{}</t></si>',
        '<si><t>{}</t><phoneticPr fontId="1" type="noConversion"/></si>',
    ]
)
odd_items = st.sampled_from(
    [
        "<si><r><t>{}</t></r><r><t>x</t></r></si>",
        "<si><t>{}</t><rPh><t>x</t></rPh></si>",
        "<si><t>{}</si>",
        "<si/>",
        "\n",
        "<!-- <si><t>x</t></si> -->",
        "<t>{}</t></si><si>",
    ]
)


@st.composite
def tables(draw):
    texts_and_forms = st.tuples(items, texts | numbers)
    odd = st.tuples(odd_items, texts) | st.tuples(items, odd_texts)
    table = draw(st.lists(texts_and_forms, max_size=6))
    if draw(st.booleans()):
        table.insert(draw(st.integers(0, len(table))), draw(odd))
    return "".join(form.format(text) for form, text in table)


@settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(table=tables())
def test_both_ways_read_the_same_texts(tmp_path, table):
    rows = "".join(
        f'<row r="{number}"><c r="A{number}" t="s"><v>{number - 1}</v></c></row>'
        for number in range(1, 1 + table.count("<si"))
    )
    strings = f'<sst xmlns="{MAIN}" count="9">{table}</sst>'
    path = write_rows(tmp_path, rows, **{STRINGS_PART: strings})

    fast = outcome(path)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shared_strings, "TABLE_START", re.compile(b"<never>"))
        exact = outcome(path)

    assert fast == exact


def test_most_rows_are_read_by_their_shape(tmp_path, monkeypatch):
    fed = []
    feed = worksheet.SheetParser.feed
    monkeypatch.setattr(
        worksheet.SheetParser,
        "feed",
        lambda self, data: fed.append(data) or feed(self, data),
    )
    text = '<c r="A{0}" t="inlineStr"><is><t>&#25991; {0}&amp;</t></is></c>'
    formula = '<c r="B{0}" s="1"><f>A{0}*2</f><v>{0}</v></c>'
    rows = "".join(
        f'<row r="{{0}}">{text}{formula}</row>'.format(number)
        for number in range(10, 1_000)
    )

    found = outcome(write_rows(tmp_path, rows, strings=STRINGS, formats=FORMATS))

    assert len(found[0]) == 990
    assert sum(map(len, fed)) < 400
    assert MAIN.encode() in fed[0]

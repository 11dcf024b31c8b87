"""Workbooks are read as openpyxl reads them, but for the differences named here."""

import datetime
import warnings

import openpyxl
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openpyxl.utils.datetime import CALENDAR_MAC_1904

from core.importing.reading import Cell, Kind
from core.importing.reading.serials import LAST_DAY
from tests.core.importing.reading.packages import read

FORMATS = (
    ["General", "0", "00", "000000", "0.00", "#,##0", "0%", "0.00E+00", "@", "# ?/?"]
    + ["yyyy-mm-dd", "m/d/yy h:mm", "h:mm", "h:mm:ss AM/PM", "[h]:mm:ss", "[mm]:ss"]
    + ['yyyy"年"m"月"d"日"', "[$-804]yyyy/m/d", '0" d"', "[Red]0.0;-0.0", "d;@", ";;;d"]
)
ZEROS = {"00": 2, "000000": 6}


def expected_cell(value, data_type, number_format, stored):
    """Give the cell for what openpyxl reads; ``stored`` is the number in the file."""
    match value:
        case bool():
            return Cell(Kind.BOOLEAN, str(int(value)))
        case datetime.timedelta():
            return Cell(Kind.DATE, elapsed(value))
        case datetime.time():
            return Cell(Kind.DATE, value.isoformat(timespec=precision(value)))
        case datetime.datetime():
            if value.time() == datetime.time():
                return Cell(Kind.DATE, value.date().isoformat())
            return Cell(Kind.DATE, value.isoformat(" ", timespec=precision(value)))
        case int() | float():
            return Cell(Kind.NUMBER, stored, ZEROS.get(number_format, 0))
        case str() if data_type == "e" and stored is not None:
            # Difference: what is no date is told apart from an error.
            return Cell(Kind.INVALID_DATE, stored)
        case str() if data_type == "e":
            return Cell(Kind.ERROR, value)
        case str() if value and not value.isspace():
            return Cell(Kind.TEXT, value)
    # Difference: a text of nothing but white space is blank.
    return None


def precision(value):
    return "milliseconds" if value.microsecond else "seconds"


def elapsed(value):
    ms = round(abs(value) / datetime.timedelta(milliseconds=1))
    seconds, ms = divmod(ms, 1000)
    sign = "-" if value < datetime.timedelta() and (seconds or ms) else ""
    text = f"{sign}{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
    return f"{text}.{ms:03}" if ms else text


def is_another_date(serial, number_format, from_1904):
    """Differences: days that Excel has not are none; openpyxl makes up others."""
    if "h]" in number_format or "mm]" in number_format:
        return not abs(serial) < LAST_DAY
    return serial < 0 or (not from_1904 and 60 <= serial < 61)


texts = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), max_size=40
)
values = st.one_of(
    texts.filter(lambda text: "_x" not in text and not text.startswith("=")),
    st.integers(-(10**18), 10**18),
    st.floats(-1e12, 1e12, allow_nan=False).map(lambda number: round(number, 6)),
    st.floats(allow_nan=False, allow_infinity=False),
    st.floats(0, 80_000),
    st.integers(0, 62),
    st.booleans(),
    st.datetimes(datetime.datetime.fromisoformat("1900-03-01")),
    st.dates(datetime.date(1900, 3, 1)),
    st.times(),
    st.timedeltas(datetime.timedelta(days=-999), datetime.timedelta(days=9999)),
    st.sampled_from(["#N/A", "#DIV/0!", "=1+1", '=IF(TRUE,"","x")']),
    st.none(),
)
tables = st.lists(
    st.lists(st.tuples(values, st.none() | st.sampled_from(FORMATS)), max_size=6),
    max_size=8,
)


def save(path, table, *, from_1904):
    workbook = openpyxl.Workbook()
    if from_1904:
        workbook.epoch = CALENDAR_MAC_1904
    sheet = workbook.active
    for number, row in enumerate(table, start=1):
        for column, (value, number_format) in enumerate(row, start=1):
            cell = sheet.cell(number, column, value)
            if number_format is not None:
                cell.number_format = number_format
    workbook.save(path)


def read_by_openpyxl(path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of dates outside of the calendar
        values = openpyxl.load_workbook(path, data_only=True).active
        formulas = openpyxl.load_workbook(path).active
    for row in values.iter_rows():
        for cell in row:
            yield cell, formulas[cell.coordinate]


@settings(
    max_examples=100,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(table=tables, from_1904=st.booleans())
def test_cells_are_those_of_openpyxl(tmp_path, table, from_1904):
    path = tmp_path / "articles.xlsx"
    save(path, table, from_1904=from_1904)

    found = read(path)

    for cell, formula in read_by_openpyxl(path):
        ours = found.get(cell.row, {}).pop(cell.column, None)
        if formula.data_type == "f":
            # Difference: openpyxl takes a formula without a value for a blank cell.
            assert ours == Cell(Kind.FORMULA_WITHOUT_VALUE, formula.value)
        elif ours is not None and ours.kind is Kind.INVALID_DATE:
            is_error = cell.data_type == "e"
            assert is_error or is_another_date(
                float(ours.text), cell.number_format, from_1904
            )
        else:
            stored = ours.text if ours and ours.kind is Kind.NUMBER else None
            assert ours == expected_cell(
                cell.value, cell.data_type, cell.number_format, stored
            )
            if stored is not None:
                assert type(cell.value)(stored) == cell.value
    assert not any(found.values())

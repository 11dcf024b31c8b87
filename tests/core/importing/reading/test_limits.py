"""Memory and time, measured in processes of their own."""

import subprocess
import sys
import zipfile

from tests.core.importing.reading.packages import (
    MAIN,
    PARTS,
    SHEET,
    STYLES,
    styles_xml,
    write_rows,
)

MODULE = "tests.core.importing.reading"
# Nobody can say how fast a machine is; what hangs takes forever.
SECONDS = 120


def run(module, *arguments):
    command = [sys.executable, "-m", f"{MODULE}.{module}", *map(str, arguments)]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=SECONDS, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def growth_mib(path):
    """Give the number of rows, and the MiB that it takes to read them."""
    rows, kib = map(int, run("consumption", path).split())
    return rows, kib / 1024


def write_many_rows(path, count):
    """Write rows with texts, numbers and dates that all differ."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for part, content in {**PARTS, STYLES: styles_xml(0, 22)}.items():
            archive.writestr(part, content)
        with archive.open(SHEET, "w") as sheet:
            sheet.write(f'<worksheet xmlns="{MAIN}"><sheetData>'.encode())
            for number in range(1, count + 1):
                sheet.write(
                    f'<row r="{number}"><c r="A{number}" t="inlineStr"><is><t>文章 '
                    f'{number}</t></is></c><c r="B{number}"><v>{number * 7}</v></c>'
                    f'<c r="C{number}" s="1"><v>{number / 1000}</v></c></row>'.encode()
                )
            sheet.write(b"</sheetData></worksheet>")


def test_memory_does_not_grow_with_the_rows(tmp_path):
    few, many = tmp_path / "few.xlsx", tmp_path / "many.xlsx"
    write_many_rows(few, 10_000)
    write_many_rows(many, 100_000)

    few_rows, few_mib = growth_mib(few)
    many_rows, many_mib = growth_mib(many)

    assert (few_rows, many_rows) == (10_000, 100_000)
    assert many_mib - few_mib < 5


def test_memory_for_the_two_farthest_cells(tmp_path):
    farthest = '<row r="1048576"><c r="XFD1048576"><v>2</v></c></row>'
    rows = f'<row r="1"><c r="A1"><v>1</v></c></row>{farthest}'

    rows, mib = growth_mib(write_rows(tmp_path, rows))

    assert rows == 2
    assert mib < 20


def test_memory_for_very_many_blank_rows(tmp_path):
    blanks = "".join(f'<row r="{number}" ht="20"/>' for number in range(1, 300_000))
    last = '<row r="300000"><c r="A300000"><v>1</v></c></row>'

    rows, mib = growth_mib(write_rows(tmp_path, blanks + last))

    assert rows == 1
    assert mib < 20


def test_memory_for_rows_that_all_differ(tmp_path):
    rows = "".join(
        f'<row r="{number}" ht="{number}.{"5" * 500}"><c r="A{number}"><v>1</v></c></row>'
        for number in range(1, 40_000)
    )

    count, mib = growth_mib(write_rows(tmp_path, rows))

    assert count == 39_999
    assert mib < 20


def test_damage_never_ends_in_a_traceback():
    assert "150 read" in run("fuzz", 20240131, 150)

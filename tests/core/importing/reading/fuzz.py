"""usage: python -m tests.core.importing.reading.fuzz SEED COUNT

Reads workbooks damaged at random, under limits of memory and time. Ends with a
traceback if one of them ends in anything but rows or one sentence.
"""

import random
import resource
import signal
import sys
import tempfile
import zipfile
from pathlib import Path

import openpyxl
from django.conf import settings

from core.importing.errors import ImportFailed
from core.importing.reading import open_source
from tests.core.importing.reading.packages import (
    SHEET,
    STRINGS,
    STYLES,
    sheet_xml,
    strings_xml,
    styles_xml,
    write_package,
)

MEMORY_BYTES = 512 * 1024**2
SECONDS_PER_FILE = 20
PIECES = [
    *(f"<{name}>" for name in ("row", "c", "v", "is", "t", "f", "sheetData", "a:b")),
    *(f"</{name}>" for name in ("row", "c", "v", "is", "t", "f", "sheetData")),
    *('<row r="9"/>', "<!--", "-->", "<![CDATA[", "<?x", "&#25991;", "&lt;", "&", "<"),
    *('r="A1"', 's="1"', 't="s"', 't="d"', 't="str"', '"', "=", "\0", "\x01", "\ufffe"),
    *(
        "1048577",
        "XFE1",
        "-1",
        "1e999",
        "99999999999999999999",
        "_xD800_",
        "\U00020000",
    ),
]


def samples(folder):
    cells = '<c r="A{0}" t="s"><v>0</v></c><c r="C{0}" s="1"><v>45322.5</v></c>'
    rows = "".join(
        f'<row r="{{0}}">{cells}</row>'.format(number) for number in range(1, 60)
    )
    merged = '<mergeCells><mergeCell ref="A1:B2"/></mergeCells>'
    parts = {
        SHEET: sheet_xml(rows, after=merged),
        STRINGS: strings_xml("<t>a</t>", "<r><t>b</t></r><rPh><t>c</t></rPh>"),
        STYLES: styles_xml(0, 14, "000", "[h]:mm"),
    }
    yield write_package(folder, parts, name="parts.xlsx")
    workbook = openpyxl.Workbook()
    for number in range(60):
        workbook.active.append(
            [f"文章 {number}", number, number / 7, True, "=A1", None]
        )
    path = folder / "openpyxl.xlsx"
    workbook.save(path)
    yield path


def damage_bytes(dice, path, damaged):
    content = bytearray(path.read_bytes())
    for _ in range(dice.randint(1, 20)):
        content[dice.randrange(4, len(content))] = dice.randrange(256)
    if dice.random() < 0.2:
        del content[dice.randrange(4, len(content)) :]
    damaged.write_bytes(content)


def damage_parts(dice, path, damaged):
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name).decode() for name in archive.namelist()}
    for _ in range(dice.randint(1, 3)):
        name = dice.choice([*parts, SHEET, SHEET])
        parts[name] = damage_text(dice, parts[name])
    with zipfile.ZipFile(damaged, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)


def damage_text(dice, text):
    start = dice.randint(0, len(text))
    end = min(len(text), start + dice.choice([0, 0, 1, 5, 30]))
    match dice.randrange(4):
        case 0:
            piece = text[start:end] * dice.choice([2, 3, 1_000])
        case 1:
            piece = ""
        case 2:
            piece = text[(other := dice.randint(0, len(text))) : other + 40]
        case _:
            piece = "".join(dice.choices(PIECES, k=dice.randint(1, 3)))
    return text[:start] + piece + text[end:]


def read(path):
    """Read all sheets; tell if that was possible."""
    try:
        with open_source(path) as source:
            for number, _ in enumerate(source.sheets, start=1):
                for row in source.sheet(number).rows():
                    assert row.cells
    except ImportFailed as failure:
        assert str(failure).startswith(path.name)
        assert "\n" not in str(failure)
        return False
    return True


def main(seed, count):
    dice = random.Random(seed)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    readable = 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        originals = list(samples(folder))
        assert all(map(read, originals))
        damaged = folder / "damaged.xlsx"
        for number in range(count):
            damage = dice.choice([damage_bytes, damage_parts, damage_parts])
            damage(dice, dice.choice(originals), damaged)
            signal.alarm(SECONDS_PER_FILE)
            try:
                readable += read(damaged)
            except BaseException:
                print(f"file {number} of seed {seed}", file=sys.stderr)
                raise
            signal.alarm(0)
    print(f"{count} read, {readable} of them in spite of the damage")


if __name__ == "__main__":
    settings.configure(USE_I18N=False)
    main(int(sys.argv[1]), int(sys.argv[2]))

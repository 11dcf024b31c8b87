"""Workbooks for the tests, made by openpyxl and, where it cannot, by rewriting XML."""

import re
import zipfile

import openpyxl

SHEET = "xl/worksheets/sheet1.xml"
SHARED_STRINGS = "xl/sharedStrings.xml"
NAMESPACE = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
CONTENT_TYPE = (
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sharedStrings+xml"
)

HEADERS = ["title", "slug", "author", "category", "body"]


def save_workbook(folder, rows, *, name="articles.xlsx", sheet="Articles"):
    """Save rows of values (or of functions that fill a cell) and give the path."""
    workbook = openpyxl.Workbook()
    fill(workbook.active, rows)
    workbook.active.title = sheet
    path = folder / name
    workbook.save(path)
    return path


def fill(sheet, rows):
    for row_number, row in enumerate(rows, start=1):
        for column, value in enumerate(row, start=1):
            cell = sheet.cell(row_number, column)
            if callable(value):
                value(cell)
            else:
                cell.value = value


def formatted(value, number_format):
    def fill_cell(cell):
        cell.value = value
        cell.number_format = number_format

    return fill_cell


def typed(value, data_type):
    """Give a cell the type of the file format: "e" error, "s" text."""

    def fill_cell(cell):
        cell.value = value
        cell.data_type = data_type

    return fill_cell


def read_part(path, part):
    with zipfile.ZipFile(path) as archive:
        return archive.read(part).decode()


def write_part(path, part, text):
    with zipfile.ZipFile(path) as archive:
        parts = {info.filename: archive.read(info) for info in archive.infolist()}
    parts[part] = text.encode()
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)


def rewrite_part(path, part, *replacements):
    """Replace text in a part of the workbook; each piece must occur."""
    text = read_part(path, part)
    for old, new in replacements:
        assert old in text, f"{old} is not in {part}"
        text = text.replace(old, new)
    write_part(path, part, text)


def share_strings(path, *items):
    """Give the first cells of the sheet texts from a table, as Excel writes them."""
    inline = re.compile(r't="inlineStr"><is>.*?</is>')
    sheet = read_part(path, SHEET)
    for index in range(len(items)):
        sheet = inline.sub(f't="s"><v>{index}</v>', sheet, count=1)
    write_part(path, SHEET, sheet)
    table = "".join(f"<si>{item}</si>" for item in items)
    write_part(path, SHARED_STRINGS, f'<sst xmlns="{NAMESPACE}">{table}</sst>')
    override = f'<Override PartName="/{SHARED_STRINGS}" ContentType="{CONTENT_TYPE}"/>'
    rewrite_part(path, "[Content_Types].xml", ("</Types>", f"{override}</Types>"))


def use_built_in_format(path, number):
    """Replace the last custom number format by one that openpyxl does not know."""
    rewrite_part(
        path, "xl/styles.xml", ('xf numFmtId="165"', f'xf numFmtId="{number}"')
    )


def article_row(number=1, **overrides):
    """Give the cells of one valid article under ``HEADERS``."""
    values = {
        "title": f"Title {number}",
        "slug": f"slug-{number}",
        "author": "mei",
        "category": "Sport",
        "body": "Some *words*.",
    } | overrides
    return list(values.values())

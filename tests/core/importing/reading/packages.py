"""Workbooks written part by part, to have in them what no library writes."""

import zipfile
from html import escape

from core.importing.reading import open_source

MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
RELATIONS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006/relationships"
SHEET = "xl/worksheets/sheet1.xml"
STRINGS = "xl/sharedStrings.xml"
STYLES = "xl/styles.xml"
WORKBOOK = "xl/workbook.xml"
WORKBOOK_RELATIONS = "xl/_rels/workbook.xml.rels"


def sheet_xml(rows, *, after="", root=f'worksheet xmlns="{MAIN}"'):
    end = root.split()[0]
    return f"<{root}><sheetData>{rows}</sheetData>{after}</{end}>"


def strings_xml(*items):
    table = "".join(f"<si>{item}</si>" for item in items)
    return f'<sst xmlns="{MAIN}">{table}</sst>'


def styles_xml(*formats):
    """Give one style per format: a built-in one by number, another by its code."""
    codes = [code for code in formats if isinstance(code, str)]
    custom = "".join(
        f'<numFmt numFmtId="{164 + index}" formatCode="{escape(code)}"/>'
        for index, code in enumerate(codes)
    )
    numbers = [
        164 + codes.index(form) if isinstance(form, str) else form for form in formats
    ]
    styles = "".join(f'<xf numFmtId="{number}"/>' for number in numbers)
    return (
        f'<styleSheet xmlns="{MAIN}"><numFmts>{custom}</numFmts>'
        f"<cellXfs>{styles}</cellXfs></styleSheet>"
    )


def workbook_xml(*sheets, properties=""):
    """Take names of sheets, or pairs of name and further attributes."""
    entries = "".join(
        f'<sheet name="{name}" sheetId="{index}" r:id="rId{index}" {more}/>'
        for index, (name, more) in enumerate(
            ((sheet, "") if isinstance(sheet, str) else sheet for sheet in sheets),
            start=1,
        )
    )
    return (
        f'<workbook xmlns="{MAIN}" xmlns:r="{RELATIONS}">{properties}'
        f"<sheets>{entries}</sheets></workbook>"
    )


def relations_xml(*relations):
    entries = "".join(
        f'<Relationship Id="{identifier}" Type="{RELATIONS}/{kind}" Target="{target}"/>'
        for identifier, kind, target in relations
    )
    return f'<Relationships xmlns="{PACKAGE}">{entries}</Relationships>'


PARTS = {
    "_rels/.rels": relations_xml(("rId1", "officeDocument", WORKBOOK)),
    WORKBOOK: workbook_xml("Articles"),
    WORKBOOK_RELATIONS: relations_xml(
        ("rId1", "worksheet", "worksheets/sheet1.xml"),
        ("rId8", "sharedStrings", "sharedStrings.xml"),
        ("rId9", "styles", "styles.xml"),
    ),
}


def write_package(folder, parts, *, name="articles.xlsx"):
    """Save parts by name beside the usual ones; ``None`` leaves one of those out."""
    path = folder / name
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for part, content in (PARTS | parts).items():
            if content is not None:
                archive.writestr(part, content)
    return path


def write_rows(folder, rows, *, strings=(), formats=(), **parts):
    parts = {SHEET: sheet_xml(rows)} | parts
    if strings:
        parts[STRINGS] = strings_xml(*strings)
    if formats:
        parts[STYLES] = styles_xml(*formats)
    return write_package(folder, parts)


def read(path, sheet=None, **options):
    """Give the cells by the number of their row, as pairs by column."""
    with open_source(path, **options) as source:
        return {row.number: row.cells for row in source.sheet(sheet).rows()}

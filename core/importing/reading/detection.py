"""What a file is, by its bytes and then by its name; most are refused, by name."""

import re
from enum import Enum, auto
from pathlib import Path

from django.utils.translation import gettext as _

from core.importing.reading.archive import Archive, BoundedFile
from core.importing.reading.faults import Unreadable
from core.importing.reading.package import workbook_part

START_BYTES = 4_096
ZIP_MAGIC = (b"PK\x03\x04", b"PK\x05\x06")
OLE_MAGIC = bytes.fromhex("D0CF11E0A1B11AE1")
PDF_MAGIC = b"%PDF-"
WIDE_BOMS = (b"\xff\xfe", b"\xfe\xff")
BINARY = re.compile(rb"[\x00-\x08\x0e-\x1f]")
HTML = re.compile(rb"<(?:html|!doctype html|table|meta|head|body|div)\b", re.IGNORECASE)
XML_SPREADSHEET = b"urn:schemas-microsoft-com:office:spreadsheet"
WORKBOOK_SUFFIXES = {".xlsx", ".xlsm"}
TEXT_SUFFIXES = {".csv", ".tsv"}
# An OLE file has its directory in a sector whose number and size its header tells.
OLE_SECTOR_SHIFT = slice(30, 32)
OLE_DIRECTORY = slice(48, 52)
OLE_DIRECTORY_BYTES = 4_096


class Content(Enum):
    WORKBOOK = auto()
    TEXT = auto()
    OLD_WORKBOOK = auto()
    PROTECTED_WORKBOOK = auto()
    BINARY_WORKBOOK = auto()
    OPEN_DOCUMENT = auto()
    XML_SPREADSHEET = auto()
    WEB_PAGE = auto()
    OTHER_ARCHIVE = auto()
    NOTHING = auto()
    UNKNOWN = auto()


def open_file(path: Path) -> BoundedFile:
    if not path.exists():
        raise Unreadable(
            _("there is no such file; expected the path of an .xlsx or .csv file.")
        )
    if path.is_dir():
        raise Unreadable(
            _("this is a folder; expected the path of an .xlsx or .csv file.")
        )
    # A pipe or a device would never end, or could not be read twice.
    if not path.is_file():
        raise Unreadable(
            _("this is no regular file; expected the path of an .xlsx or .csv file.")
        )
    return BoundedFile(path)


def content_of(file: BoundedFile) -> Content:
    file.seek(0)
    start = file.read(START_BYTES)
    if start.startswith(ZIP_MAGIC):
        return _content_of_archive(file)
    if start.startswith(OLE_MAGIC):
        return _content_of_ole(file, start)
    if not start:
        return Content.NOTHING
    return _content_of_text(start)


def refuse_unless_readable(content: Content, path: Path) -> None:
    suffix = path.suffix.lower()
    if content is Content.WORKBOOK:
        if suffix not in WORKBOOK_SUFFIXES:
            raise Unreadable(
                _(
                    "this is an .xlsx workbook, but its name does not end in .xlsx; "
                    "name it so, or save it again as .xlsx."
                )
            )
    elif content is Content.TEXT:
        if suffix not in TEXT_SUFFIXES:
            raise Unreadable(
                _(
                    "this is text such as CSV, but its name does not end in .csv or "
                    ".tsv; open it in a spreadsheet program and save it as .xlsx."
                )
            )
    else:
        raise Unreadable(_refusal(content))


def _content_of_archive(file: BoundedFile) -> Content:
    archive = Archive(file)
    try:
        workbook = workbook_part(archive)
        if workbook.endswith(".bin"):
            return Content.BINARY_WORKBOOK
        if "mimetype" in archive and "content.xml" in archive:
            return Content.OPEN_DOCUMENT
        is_other = "word/document.xml" in archive or "ppt/presentation.xml" in archive
        if not workbook or is_other:
            return Content.OTHER_ARCHIVE
        return Content.WORKBOOK
    finally:
        archive.close()


def _content_of_ole(file: BoundedFile, start: bytes) -> Content:
    """Look whether a name in the directory says that a workbook is encrypted."""
    sector_bytes = 1 << min(16, int.from_bytes(start[OLE_SECTOR_SHIFT], "little"))
    sector = int.from_bytes(start[OLE_DIRECTORY], "little")
    file.seek((sector + 1) * sector_bytes)
    directory = file.read(OLE_DIRECTORY_BYTES)
    if "EncryptedPackage".encode("utf-16-le") in directory:
        return Content.PROTECTED_WORKBOOK
    return Content.OLD_WORKBOOK


def _content_of_text(start: bytes) -> Content:
    if start.startswith(WIDE_BOMS):
        start = start.decode("utf-16", "replace").encode()
    text = start.removeprefix(b"\xef\xbb\xbf").lstrip()
    if BINARY.search(text) or text.startswith(PDF_MAGIC):
        return Content.UNKNOWN
    if text.startswith(b"<") and XML_SPREADSHEET in text:
        return Content.XML_SPREADSHEET
    if HTML.match(text) or (text.startswith(b"<") and HTML.search(text)):
        return Content.WEB_PAGE
    return Content.TEXT


def _refusal(content: Content) -> str:
    match content:
        case Content.NOTHING:
            return _("the file is empty; expected an .xlsx workbook or a .csv file.")
        case Content.PROTECTED_WORKBOOK:
            return _(
                "the workbook is protected by a password; open it in a spreadsheet "
                "program and save it as .xlsx without a password."
            )
        case Content.OLD_WORKBOOK:
            what = _("a file in the old .xls format")
        case Content.BINARY_WORKBOOK:
            what = _("a binary workbook (.xlsb)")
        case Content.OPEN_DOCUMENT:
            what = _("an OpenDocument file (.ods)")
        case Content.XML_SPREADSHEET:
            what = _("an XML spreadsheet of the year 2003")
        case Content.WEB_PAGE:
            what = _("a web page")
        case Content.OTHER_ARCHIVE:
            what = _("a zip archive without a workbook")
        case _:
            what = _("neither a workbook nor text")
    return _(
        "this is %(what)s; open it in a spreadsheet program and save it as .xlsx."
    ) % {"what": what}

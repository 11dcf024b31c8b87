"""What a file must be before a workbook parser sees it.

The checks read the first bytes and the directory of the zip archive, never a part
of it, so a hostile file costs nothing.
"""

import os
import zipfile
from pathlib import Path
from typing import BinaryIO

from django.template.defaultfilters import filesizeformat
from django.utils.translation import gettext as _

from core.importing.errors import ImportFailed, shown

SUFFIX = ".xlsx"
OLE_MAGIC = bytes.fromhex("D0CF11E0A1B11AE1")
ZIP_MAGIC = b"PK\x03\x04"
HTML_STARTS = (b"<html", b"<!doctype html", b"<table", b"<meta", b"<head")

MAX_INFLATED_BYTES = 1024**3
MAX_PARTS = 10_000
# Deflate reaches 1,032; the emptiest real sheets stay below 100.
MAX_RATIO = 200
RATIO_COUNTS_FROM_BYTES = 16 * 1024**2


def open_archive(path: Path) -> BinaryIO:
    """Open a file that may be given to the parser, or raise ``ImportFailed``."""
    _check_path(path)
    try:
        file = path.open("rb")
    except OSError as error:
        raise ImportFailed(
            _("%(file)s: the file cannot be read (%(reason)s).")
            % {"file": shown(str(path)), "reason": error.strerror}
        ) from error
    try:
        _check_magic(path, file)
        _check_directory(path, file)
        file.seek(0)
    except BaseException:
        file.close()
        raise
    return file


def damaged(path: Path) -> ImportFailed:
    return ImportFailed(
        _(
            "%(file)s: the workbook is damaged or incomplete; open it in a "
            "spreadsheet program and save it again as .xlsx."
        )
        % {"file": shown(path.name)}
    )


def _check_path(path: Path) -> None:
    file = shown(str(path))
    if not path.exists():
        raise ImportFailed(
            _("%(file)s: there is no such file; expected the path of an .xlsx file.")
            % {"file": file}
        )
    if path.is_dir():
        raise ImportFailed(
            _("%(file)s: this is a folder; expected the path of an .xlsx file.")
            % {"file": file}
        )
    # A pipe or a device would never end, or could not be read twice.
    if not path.is_file():
        raise ImportFailed(
            _("%(file)s: this is no regular file; expected the path of an .xlsx file.")
            % {"file": file}
        )
    if path.suffix.lower() != SUFFIX:
        raise ImportFailed(
            _(
                "%(file)s: only .xlsx workbooks are read; open the file in a "
                "spreadsheet program and save it as .xlsx."
            )
            % {"file": file}
        )


def _check_magic(path: Path, file: BinaryIO) -> None:
    start = file.read(512)
    if start.startswith(ZIP_MAGIC):
        return
    if not start:
        message = _("%(file)s: the file is empty; expected an .xlsx workbook.")
    elif start.startswith(OLE_MAGIC):
        message = _(
            "%(file)s: the workbook is protected by a password or in the old .xls "
            "format; save it as .xlsx without a password."
        )
    elif start.removeprefix(b"\xef\xbb\xbf").lstrip().lower().startswith(HTML_STARTS):
        message = _(
            "%(file)s: this is a web page and no workbook; open it in a spreadsheet "
            "program and save it as .xlsx."
        )
    else:
        message = _(
            "%(file)s: this is no workbook although its name ends in .xlsx; open it "
            "in a spreadsheet program and save it as .xlsx."
        )
    raise ImportFailed(message % {"file": shown(path.name)})


def _check_directory(path: Path, file: BinaryIO) -> None:
    try:
        with zipfile.ZipFile(file) as archive:
            parts = archive.infolist()
    except (zipfile.BadZipFile, NotImplementedError, ValueError) as error:
        raise damaged(path) from error
    for part in parts:
        # Inflating stops at the size that the directory declares only for these
        # methods, which are the ones that the format allows; so the declared sizes
        # bound what is read, even if they lie.
        is_plain = not part.flag_bits & 0x1
        if not is_plain or part.compress_type not in {
            zipfile.ZIP_STORED,
            zipfile.ZIP_DEFLATED,
        }:
            raise damaged(path)
    _check_sizes(path, file, parts)


def _check_sizes(path: Path, file: BinaryIO, parts: list[zipfile.ZipInfo]) -> None:
    inflated = sum(part.file_size for part in parts)
    if len(parts) > MAX_PARTS or inflated > MAX_INFLATED_BYTES:
        raise ImportFailed(
            _(
                "%(file)s: the workbook unpacks to %(parts)s parts of %(size)s; at "
                "most %(max_parts)s parts of %(max_size)s are read."
            )
            % {
                "file": shown(path.name),
                "parts": len(parts),
                "size": filesizeformat(inflated),
                "max_parts": MAX_PARTS,
                "max_size": filesizeformat(MAX_INFLATED_BYTES),
            }
        )
    compressed = sum(part.compress_size for part in parts)
    if compressed > os.fstat(file.fileno()).st_size:
        raise damaged(path)  # parts overlap: one stream would be inflated many times
    for part in parts:
        if part.file_size > max(
            RATIO_COUNTS_FROM_BYTES, part.compress_size * MAX_RATIO
        ):
            raise ImportFailed(
                _(
                    "%(file)s: a part of the workbook is compressed more than "
                    "%(ratio)s-fold, which real workbooks are not; it was not read."
                )
                % {"file": shown(path.name), "ratio": MAX_RATIO}
            )

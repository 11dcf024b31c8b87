"""Reads .xlsx and .xlsm workbooks and delimited text as streams of rows.

``open_source`` refuses in one sentence (``ImportFailed``) what it cannot read exactly,
and needs an amount of memory that does not grow with the file. It knows nothing of
tables: values are texts, with the kind that the file gives them.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from core.importing.reading.archive import Archive, BoundedFile
from core.importing.reading.cells import Cell, Kind, Layout, Row
from core.importing.reading.delimited import DelimitedText
from core.importing.reading.detection import (
    Content,
    content_of,
    open_file,
    refuse_unless_readable,
)
from core.importing.reading.faults import MAX_CELL_CHARACTERS
from core.importing.reading.package import read_package
from core.importing.reading.serials import Serials
from core.importing.reading.shared_strings import read_shared_strings
from core.importing.reading.source import Sheet, SheetInfo, Source, one_sentence
from core.importing.reading.styles import read_styles
from core.importing.reading.values import Values
from core.importing.reading.worksheet import Worksheet

__all__ = [
    "MAX_CELL_CHARACTERS",
    "Cell",
    "Kind",
    "Layout",
    "Row",
    "Sheet",
    "SheetInfo",
    "Source",
    "open_source",
]


@contextmanager
def open_source(
    path: Path, *, encoding: str | None = None, name: str = ""
) -> Iterator[Source]:
    """Open a file to be read; ``encoding`` is that of a text, if it is not to be found.

    ``name``: what people know the file by, if it is kept under another name.
    The sheets can be read until the context ends.
    """
    with ExitStack() as resources:
        # Before it is known as a file, it is known by the path that was given.
        with one_sentence(str(path)):
            file = resources.enter_context(open_file(path))
        path = path.with_name(name) if name else path
        with one_sentence(path.name):
            content = content_of(file)
            refuse_unless_readable(content, path)
            if content is Content.TEXT:
                source = _text_source(path, file, encoding)
            else:
                source = _workbook_source(path, file, resources)
        yield source


def _text_source(path: Path, file: BoundedFile, encoding: str | None) -> Source:
    rows = DelimitedText(file, encoding)
    return Source(path.name, [SheetInfo(path.stem)], lambda _position: rows)


def _workbook_source(path: Path, file: BoundedFile, resources: ExitStack) -> Source:
    archive = Archive(file)
    resources.callback(archive.close)
    package = read_package(archive)
    values = Values(
        read_shared_strings(archive, package.shared_strings, resources),
        read_styles(archive, package.styles),
        Serials(from_1904=package.from_1904),
    )
    return Source(
        path.name,
        [SheetInfo(sheet.name, sheet.visibility) for sheet in package.sheets],
        lambda position: Worksheet(archive, package.sheets[position].part, values),
    )

"""The beginning of a sheet: its headers, a few rows, and what fits the table."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from core.importing.errors import (
    BadCell,
    ImportFailed,
    Problems,
    column_letter,
    did_you_mean,
    shown,
)
from core.importing.headers import OWN_PREFIX, Names, read_header
from core.importing.models import ImportRun
from core.importing.names import normalised, verbose_names
from core.importing.reading import Row, open_source
from core.importing.request import ImportRequest
from core.importing.targets.fields import AnyField
from core.importing.targets.target import Target

SAMPLE_ROWS = 3


@dataclass(frozen=True)
class SheetColumn:
    """A column; ``own_field`` is what its header means without anybody's help.

    ``field``: what was chosen for it, or what it means, or what it may mean. Both are
    names of fields, or empty.
    """

    letter: str
    header: str
    own_field: str
    field: str
    samples: tuple[str, ...]


@dataclass(frozen=True)
class SheetStart:
    """``missing``: fields that need a value and have no column so far."""

    request: ImportRequest
    target: Target
    columns: list[SheetColumn]
    missing: list[AnyField]
    is_understood: bool


def read_start(run: ImportRun, request: ImportRequest, target: Target) -> SheetStart:
    """Read the header and the rows below it, or raise ``ImportFailed``."""
    with open_source(Path(run.upload.path), name=run.file_name) as source:
        sheet = source.sheet(request.sheet)
        rows = sheet.rows()
        wanted = request.header_row
        header = next((r for r in rows if wanted in {None, r.number}), None)
        below = list(islice(rows, SAMPLE_ROWS))
        problems = Problems(run.file_name, sheet.name)
        if header is None:
            return SheetStart(request, target, [], [], is_understood=False)
        columns = _columns(header, below, request, target)
    return SheetStart(
        request,
        target,
        columns,
        _missing(columns, target),
        _is_understood(header, target, request, problems),
    )


def _columns(
    header: Row, below: list[Row], request: ImportRequest, target: Target
) -> list[SheetColumn]:
    names = Names(target)
    mapping = {normalised(key): name for key, name in request.mapping.items()}
    return [
        SheetColumn(
            column_letter(index),
            cell.text,
            _own_field(cell.text, names),
            _field(cell.text, mapping, names, target),
            tuple(shown(r.cells[index].text) for r in below if index in r.cells),
        )
        for index, cell in sorted(header.cells.items())
        if not cell.text.startswith(OWN_PREFIX)
    ]


def _field(
    header: str, mapping: Mapping[str, str], names: Names, target: Target
) -> str:
    chosen = mapping.get(normalised(header))
    if chosen is not None:
        return chosen
    return _own_field(header, names) or _similar_field(header, target)


def _own_field(header: str, names: Names) -> str:
    try:
        return names.open_field(header).name
    except BadCell:
        return ""


def _similar_field(header: str, target: Target) -> str:
    spellings = {
        word: field.name
        for field in target.open_fields
        for word in (*verbose_names(field), field.name)
    }
    return spellings.get(did_you_mean(header, spellings), "")


def _missing(columns: list[SheetColumn], target: Target) -> list[AnyField]:
    present = {column.field for column in columns}
    return [
        field
        for field in target.required_fields()
        if field in target.open_fields and field.name not in present
    ]


def _is_understood(
    header: Row, target: Target, request: ImportRequest, problems: Problems
) -> bool:
    try:
        read_header(header, target, request, problems)
    except ImportFailed:
        return False
    return not problems

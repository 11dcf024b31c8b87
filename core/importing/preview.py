"""What an import would do, for somebody to look at before it is done."""

from dataclasses import dataclass, field
from typing import Any

from core.importing.errors import Problem
from core.importing.merging.changes import Counts
from core.importing.reading import Cell


@dataclass(frozen=True)
class PreviewColumn:
    """A column of the sheet and the field that it fills; none if it is not read."""

    letter: str
    header: str
    field: str


@dataclass(frozen=True)
class PreviewRow:
    """A row of the sheet as it is, with what is wrong with it."""

    number: int
    cells: list[Cell | None]
    problems: list[Problem]


@dataclass(frozen=True)
class Change:
    """A row of the table that would change: fields to their old and new values."""

    row: int
    values: dict[str, tuple[Any, Any]]


@dataclass(frozen=True)
class Preview:
    """``counts`` is exact; it is None if there are problems, as is ``changes`` empty.

    ``sentences`` are what the command would print of the problems, grouped if many.
    """

    table: str
    sheet: str
    columns: list[PreviewColumn]
    rows: list[PreviewRow]
    rows_read: int
    rows_blank: int
    problems: list[Problem] = field(default_factory=list)
    sentences: list[str] = field(default_factory=list)
    counts: Counts | None = None
    changes: list[Change] = field(default_factory=list)

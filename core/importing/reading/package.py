"""Which part of the archive is what, by the relationships between them."""

import posixpath
from dataclasses import dataclass
from typing import ClassVar

from core.importing.reading.archive import Archive
from core.importing.reading.faults import Damaged
from core.importing.reading.xml import (
    Attributes,
    PartParser,
    attribute,
    is_true,
    parse_part,
)

MAX_PART_BYTES = 32 * 1024**2
USUAL_WORKBOOK = "xl/workbook.xml"


@dataclass(frozen=True)
class SheetEntry:
    name: str
    visibility: str
    part: str


@dataclass(frozen=True)
class Package:
    """``shared_strings`` and ``styles`` are names of parts, "" if there is none."""

    sheets: tuple[SheetEntry, ...]
    from_1904: bool
    shared_strings: str
    styles: str


def read_package(archive: Archive) -> Package:
    workbook = workbook_part(archive)
    relations = _Relations.of(archive, workbook)
    parser = _WorkbookParser()
    parse_part(archive, workbook, parser, max_bytes=MAX_PART_BYTES)
    worksheets = relations.targets_by_id("worksheet")
    sheets = tuple(
        SheetEntry(name, visibility, worksheets[relation])
        for name, visibility, relation in parser.sheets
        # Sheets of charts and old macros have no rows.
        if relation in worksheets
    )
    return Package(
        sheets,
        parser.from_1904,
        shared_strings=relations.existing("sharedStrings"),
        styles=relations.existing("styles"),
    )


def workbook_part(archive: Archive) -> str:
    """Give the name of the main part, which is "" if the archive has none."""
    if "_rels/.rels" in archive:
        found = _Relations.of(archive, "").existing("officeDocument")
        if found:
            return found
    return USUAL_WORKBOOK if USUAL_WORKBOOK in archive else ""


class _Relations:
    """The relationships of one part: what it refers to, and as what."""

    def __init__(self, archive: Archive, folder: str) -> None:
        self._archive = archive
        self._folder = folder
        self._found: list[tuple[str, str, str]] = []

    @classmethod
    def of(cls, archive: Archive, part: str) -> "_Relations":
        folder, name = posixpath.split(part)
        relations = cls(archive, folder)
        source = posixpath.join(folder, "_rels", f"{name}.rels")
        if source in archive:
            parser = _RelationsParser()
            parse_part(archive, source, parser, max_bytes=MAX_PART_BYTES)
            relations._found = parser.found
        return relations

    def targets_by_id(self, kind: str) -> dict[str, str]:
        return {
            identifier: self._name(target)
            for identifier, found, target in self._found
            if found == kind
        }

    def existing(self, kind: str) -> str:
        """Give the name of the first related part that is there, or ""."""
        targets = self.targets_by_id(kind).values()
        return next((name for name in targets if name in self._archive), "")

    def _name(self, target: str) -> str:
        target = target.replace("\\", "/")
        # An absolute target replaces the folder.
        return posixpath.join("/", self._folder, target)


class _RelationsParser(PartParser):
    CHILDREN: ClassVar = {
        "": frozenset({"Relationships"}),
        "Relationships": frozenset({"Relationship"}),
    }

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, str, str]] = []

    def start_Relationship(self, attributes: Attributes) -> None:
        if attributes.get("TargetMode") == "External":
            return
        # The type is an address that differs between transitional and strict files
        # in all but its end.
        kind = attributes.get("Type", "").rpartition("/")[2]
        target = attributes.get("Target", "")
        self.found.append((attributes.get("Id", ""), kind, target))


class _WorkbookParser(PartParser):
    CHILDREN: ClassVar = {
        "": frozenset({"workbook"}),
        "workbook": frozenset({"workbookPr", "sheets"}),
        "sheets": frozenset({"sheet"}),
    }

    def __init__(self) -> None:
        super().__init__()
        self.from_1904 = False
        self.sheets: list[tuple[str, str, str]] = []

    def start_workbookPr(self, attributes: Attributes) -> None:
        self.from_1904 = is_true(attributes.get("date1904"))

    def start_sheet(self, attributes: Attributes) -> None:
        name = attributes.get("name")
        relation = attribute(
            {key: value for key, value in attributes.items() if ":" in key}, "id"
        )
        if name is None or relation is None:
            raise Damaged("a sheet has no name or no part")
        state = attributes.get("state", "visible")
        self.sheets.append((name, state, relation))

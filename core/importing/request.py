"""What somebody asks of an import."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Self

from django.db import DEFAULT_DB_ALIAS
from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _


class Mode(TextChoices):
    """What happens to rows that the table has already, and to those it has not."""

    INSERT = "insert", _("add every row")
    INSERT_NEW = "insert-new", _("add the rows that the table has not")
    UPDATE = "update", _("change the rows that the table has")
    UPSERT = "upsert", _("change the rows that the table has, add the others")
    REPLACE = "replace", _("delete the rows of the table, then add every row")

    @property
    def needs_key(self) -> bool:
        return self in {Mode.INSERT_NEW, Mode.UPDATE, Mode.UPSERT}

    @property
    def changes_rows(self) -> bool:
        return self in {Mode.UPDATE, Mode.UPSERT}


@dataclass(frozen=True)
class ImportRequest:
    """Everything that decides on what an import does, besides the file.

    ``mapping``: headers to fields, or to "" to leave a column out. ``constants``:
    fields to what a cell of theirs would have in every row. ``lookups``: relations to the field by which cells name
    their rows. ``key``: the fields that tell which row of the table is meant.
    ``force``: even if the file was imported before.
    """

    table: str
    using: str = DEFAULT_DB_ALIAS
    mode: Mode = Mode.INSERT
    key: tuple[str, ...] = ()
    sheet: str | int | None = None
    header_row: int | None = None
    mapping: Mapping[str, str] = field(default_factory=dict)
    constants: Mapping[str, str] = field(default_factory=dict)
    lookups: Mapping[str, str] = field(default_factory=dict)
    ignore_extra_columns: bool = False
    skip_hidden: bool = False
    stop_after: int | None = None
    skip_faulty: bool = False
    max_problems: int | None = None
    encoding: str | None = None
    force: bool = False

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Self:
        return cls(
            **{**stored, "mode": Mode(stored["mode"]), "key": tuple(stored["key"])}
        )

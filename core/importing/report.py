"""What an import did, or would do."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from core.importing.errors import Problem, shown
from core.importing.merging.changes import Counts
from core.importing.request import Mode


@dataclass(frozen=True)
class Report:
    model: str
    sheet: str
    mode: Mode
    dry_run: bool
    counts: Counts = Counts()
    read: int = 0
    blank_rows: int = 0
    hidden_rows: int = 0
    rejected: int = 0
    seconds: float = 0.0
    problems: Sequence[Problem] = ()

    @property
    def rows(self) -> int:
        """How many rows of the sheet were accepted."""
        return self.read - self.rejected

    def __str__(self) -> str:
        is_plain = self.mode is Mode.INSERT
        return (self._plain() if is_plain else self._counted()) + self._remarks()

    def as_json(self) -> dict[str, Any]:
        return {
            "table": self.model,
            "sheet": self.sheet,
            "mode": self.mode.value,
            "dry_run": self.dry_run,
            "read": self.read,
            "inserted": self.counts.inserted,
            "updated": self.counts.updated,
            "unchanged": self.counts.unchanged,
            "deleted": self.counts.deleted,
            "rejected": self.rejected,
            "blank": self.blank_rows,
            "hidden": self.hidden_rows,
            "seconds": round(self.seconds, 3),
            "problems": [problem.as_json() for problem in self.problems],
        }

    def _plain(self) -> str:
        if self.dry_run:
            text = ngettext(
                "%(model)s: %(rows)s row of sheet %(sheet)s can be imported; "
                "this was a dry run, nothing was written",
                "%(model)s: %(rows)s rows of sheet %(sheet)s can be imported; "
                "this was a dry run, nothing was written",
                self.rows,
            )
        else:
            text = ngettext(
                "%(model)s: %(rows)s row imported from sheet %(sheet)s",
                "%(model)s: %(rows)s rows imported from sheet %(sheet)s",
                self.rows,
            )
        return text % self._parts()

    def _counted(self) -> str:
        if self.dry_run:
            text = _(
                "%(model)s: sheet %(sheet)s would add %(inserted)s rows, change "
                "%(updated)s, leave %(unchanged)s and delete %(deleted)s; this was a "
                "dry run, nothing was written"
            )
        else:
            text = _(
                "%(model)s: from sheet %(sheet)s, %(inserted)s rows added, %(updated)s "
                "changed, %(unchanged)s left, %(deleted)s deleted"
            )
        return text % self._parts()

    def _parts(self) -> dict[str, object]:
        return {
            "model": self.model,
            "sheet": shown(self.sheet),
            "rows": self.rows,
            "inserted": self.counts.inserted,
            "updated": self.counts.updated,
            "unchanged": self.counts.unchanged,
            "deleted": self.counts.deleted,
        }

    def _remarks(self) -> str:
        remarks = []
        if self.blank_rows:
            remarks.append(
                ngettext(
                    "%(count)s blank row skipped",
                    "%(count)s blank rows skipped",
                    self.blank_rows,
                )
                % {"count": self.blank_rows}
            )
        if self.hidden_rows:
            remarks.append(
                ngettext(
                    "%(count)s hidden row among them",
                    "%(count)s hidden rows among them",
                    self.hidden_rows,
                )
                % {"count": self.hidden_rows}
            )
        if self.rejected:
            remarks.append(
                ngettext(
                    "%(count)s row rejected",
                    "%(count)s rows rejected",
                    self.rejected,
                )
                % {"count": self.rejected}
            )
        return f" ({', '.join(remarks)})" if remarks else ""

"""Faults of an import: each is one sentence that begins with its place.

``BadCell`` is raised where a cell is judged, without knowing where it stands;
``Problems`` adds the place and collects; ``ImportFailed`` ends the import.
"""

import datetime
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from difflib import get_close_matches

from django.db.models import TextChoices
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

PRINTED_PROBLEMS = 20
MAX_PROBLEMS = 10_000
SHOWN_CHARACTERS = 80


class Reason(TextChoices):
    """Why something was refused: a stable code for programs, a label for people."""

    UNKNOWN_HEADER = "unknown_header", gettext_lazy("unknown header")
    CLOSED_HEADER = "closed_header", gettext_lazy("header of a closed field")
    DUPLICATE_HEADER = "duplicate_header", gettext_lazy("duplicate header")
    BLANK_HEADER = "blank_header", gettext_lazy("blank header above data")
    MISSING_COLUMN = "missing_column", gettext_lazy("missing column")
    CELL_ERROR = "cell_error", gettext_lazy("error value")
    FORMULA = "formula_without_value", gettext_lazy("formula without a value")
    PRECISION_LOST = "precision_lost", gettext_lazy("precision lost")
    BLANK = "blank", gettext_lazy("blank cell")
    WRONG_TYPE = "wrong_type", gettext_lazy("wrong kind of value")
    OUT_OF_RANGE = "out_of_range", gettext_lazy("number out of range")
    TOO_LONG = "too_long", gettext_lazy("text too long")
    AMBIGUOUS_DATE = "ambiguous_date", gettext_lazy("ambiguous date")
    INVALID_TIME = "invalid_time", gettext_lazy("time that does not exist once")
    UNKNOWN_CHOICE = "unknown_choice", gettext_lazy("unknown choice")
    UNKNOWN_RELATION = "unknown_relation", gettext_lazy("unknown reference")
    INVALID = "invalid", gettext_lazy("rule of the field broken")
    RULE = "rule", gettext_lazy("rule of the table broken")
    TWICE_IN_FILE = "twice_in_file", gettext_lazy("twice in the file")
    IN_TABLE = "already_in_table", gettext_lazy("already in the table")
    NOT_IN_TABLE = "not_in_table", gettext_lazy("not in the table")
    MERGED = "merged_cells", gettext_lazy("merged cells")
    REFUSED = "refused", gettext_lazy("refused by the database")


class BadCell(Exception):
    """A value that cannot be imported; the message lacks the place."""

    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message


def wrong_type(value: object, expected: str) -> BadCell:
    return BadCell(
        Reason.WRONG_TYPE,
        _("%(value)s; expected %(expected)s.")
        % {"value": quoted(value), "expected": expected},
    )


class ImportFailed(Exception):
    """The import was refused and nothing was written.

    ``str()`` gives what to print; ``problems`` is empty when the fault is not
    that of single cells.
    """

    def __init__(self, message: str, problems: Iterable["Problem"] = ()) -> None:
        super().__init__(message)
        self.problems = tuple(problems)


@dataclass(frozen=True, slots=True)
class Problem:
    reason: Reason
    message: str
    row: int | None = None
    column: int | None = None
    header: str = ""

    @property
    def cell(self) -> str:
        """Give the cell as spreadsheets name it, such as D14; empty if none."""
        if self.row is None or self.column is None:
            return ""
        return f"{column_letter(self.column)}{self.row}"

    def as_json(self) -> dict[str, object]:
        return {
            "reason": self.reason.value,
            "message": self.message,
            "row": self.row,
            "column": column_letter(self.column) if self.column else None,
            "header": self.header,
        }

    @property
    def place(self) -> str:
        if self.cell and self.header:
            return _("cell %(cell)s (%(header)s)") % {
                "cell": self.cell,
                "header": shown(self.header),
            }
        if self.cell:
            return _("cell %(cell)s") % {"cell": self.cell}
        return _("row %(row)s") % {"row": self.row} if self.row else ""


class Problems:
    """Collects problems of one sheet, ``limit`` at most; tells ``listener`` the first."""

    def __init__(
        self,
        file: str,
        sheet: str,
        *,
        limit: int | None = None,
        listener: Callable[[str], None] | None = None,
    ) -> None:
        self.file = file
        self.sheet = sheet
        self.limit = limit or MAX_PROBLEMS
        self._listener = listener
        self._found: list[Problem] = []

    def __len__(self) -> int:
        return len(self._found)

    def __iter__(self) -> Iterator[Problem]:
        return iter(self._found)

    @property
    def is_full(self) -> bool:
        return len(self._found) >= self.limit

    @property
    def room(self) -> int:
        return max(0, self.limit - len(self._found))

    def add(self, problem: Problem) -> None:
        if not self.is_full:
            self._found.append(problem)
            if self._listener and len(self._found) == 1:
                self._listener(self._sentence(problem))

    def failure(self, message: str) -> ImportFailed:
        """Make the failure that is not of single cells but of the whole sheet."""
        parts = {"file": shown(self.file), "sheet": shown(self.sheet)}
        return ImportFailed(
            _("%(file)s, sheet %(sheet)s: %(problem)s") % {**parts, "problem": message}
        )

    def raise_if_any(self) -> None:
        if self._found:
            self.sort()
            raise ImportFailed("\n".join(self.lines()), self._found)

    def sort(self) -> None:
        """Bring the problems into the order of the sheet."""
        self._found.sort(key=lambda found: (found.row or 0, found.column or 0))

    def lines(self) -> Iterator[str]:
        """Yield what to print: the first problems, then groups, then the conclusion."""
        yield from self.sentences()
        yield self._conclusion()

    def sentences(self) -> Iterator[str]:
        for problem in self._found[:PRINTED_PROBLEMS]:
            yield self._sentence(problem)
        if len(self._found) > PRINTED_PROBLEMS:
            yield _("The first %(count)s problems are shown; all of them by kind:") % {
                "count": PRINTED_PROBLEMS
            }
            yield from self.groups()

    def _sentence(self, problem: Problem) -> str:
        parts = {
            "file": shown(self.file),
            "sheet": shown(self.sheet),
            "place": problem.place,
            "problem": problem.message,
        }
        if problem.place:
            return _("%(file)s, sheet %(sheet)s, %(place)s: %(problem)s") % parts
        return _("%(file)s, sheet %(sheet)s: %(problem)s") % parts

    def groups(self) -> Iterator[str]:
        for reason, header, count, place in self.summaries():
            parts = {
                "reason": reason,
                "header": shown(header),
                "count": count,
                "place": place,
            }
            if header:
                yield (
                    _("  %(reason)s in %(header)s: %(count)s, first %(place)s") % parts
                )
            else:
                yield _("  %(reason)s: %(count)s") % parts

    def summaries(self) -> Iterator[tuple[str, str, int, str]]:
        """Yield reason, header, number and first place of problems that are alike."""
        firsts: dict[tuple[Reason, str], Problem] = {}
        for problem in self._found:
            firsts.setdefault((problem.reason, problem.header), problem)
        counts = Counter((found.reason, found.header) for found in self._found)
        for (reason, header), count in counts.most_common():
            yield str(reason.label), header, count, firsts[reason, header].place

    def _conclusion(self) -> str:
        if self.is_full:
            return _(
                "%(file)s: stopped after %(count)s problems; nothing was written."
            ) % {"file": shown(self.file), "count": len(self._found)}
        return ngettext(
            "%(file)s: %(count)s problem; nothing was written.",
            "%(file)s: %(count)s problems; nothing was written.",
            len(self._found),
        ) % {"file": shown(self.file), "count": len(self._found)}


def column_letter(column: int) -> str:
    """Name a column as spreadsheets do: A, …, Z, AA, …, XFD."""
    letters = ""
    while column:
        column, rest = divmod(column - 1, 26)
        letters = chr(ord("A") + rest) + letters
    return letters


def shown(text: str) -> str:
    """Make foreign text fit to print: one line, no control characters, not long."""
    line = " ".join(text.split())
    if len(line) > SHOWN_CHARACTERS:
        line = line[: SHOWN_CHARACTERS - 1] + "…"
    return "".join(
        character if character.isprintable() else "\N{REPLACEMENT CHARACTER}"
        for character in line
    )


def quoted(value: object) -> str:
    """Show a value as its reader knows it: text in quotes, dates in ISO form."""
    if value is None or value == "":
        return _("blank")
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, datetime.datetime):
        return value.isoformat(sep=" ")
    if isinstance(value, str):
        return f'"{shown(value)}"'
    return shown(str(value))


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Give the known word that ``word`` is probably meant to be, or nothing."""
    spellings = {candidate.casefold(): candidate for candidate in known}
    close = get_close_matches(word.casefold(), spellings, n=1, cutoff=0.6)
    return spellings[close[0]] if close else ""

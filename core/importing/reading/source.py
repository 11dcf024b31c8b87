"""A file of rows: its sheets, and the rows of one of them."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol
from xml.parsers.expat import ExpatError

from django.utils.translation import gettext as _

from core.importing.errors import ImportFailed, did_you_mean, shown
from core.importing.reading.cells import Row
from core.importing.reading.faults import Damaged, Unreadable, damaged

VISIBLE = "visible"


@dataclass(frozen=True)
class SheetInfo:
    """``visibility`` is "visible", "hidden" or "veryHidden"."""

    name: str
    visibility: str = VISIBLE


class Rows(Protocol):
    """What reads one sheet, and raises ``Unreadable`` and the like."""

    def rows(self) -> Iterator[Row]: ...

    @property
    def progress(self) -> float: ...

    @property
    def merged_ranges(self) -> tuple[str, ...]: ...

    @property
    def hidden_rows(self) -> int: ...


class Sheet:
    """One sheet, to be read once; rows without content are left out.

    ``merged_ranges`` (such as "A1:B2") and ``hidden_rows`` (how many of the rows
    given are hidden) are complete when all rows were read.
    """

    def __init__(self, file: str, name: str, content: Rows) -> None:
        self.name = name
        self._file = file
        self._content = content

    @property
    def progress(self) -> float:
        """Tell how much of the sheet was read, from 0 to 1."""
        return self._content.progress

    @property
    def merged_ranges(self) -> tuple[str, ...]:
        return self._content.merged_ranges

    @property
    def hidden_rows(self) -> int:
        return self._content.hidden_rows

    def rows(self) -> Iterator[Row]:
        """Yield the rows in the order of their numbers, or raise ``ImportFailed``."""
        with one_sentence(self._file, self.name):
            yield from self._content.rows()


class Source:
    """The sheets of one file; ``open_sheet`` takes the position of one."""

    def __init__(
        self,
        file: str,
        sheets: Sequence[SheetInfo],
        open_sheet: Callable[[int], Rows],
    ) -> None:
        self.sheets = tuple(sheets)
        self._file = file
        self._open_sheet = open_sheet

    def sheet(self, name_or_number: str | int | None = None) -> Sheet:
        """Give a sheet by name or number (from 1), or the first that is visible."""
        position = self._position(name_or_number)
        name = self.sheets[position].name
        with one_sentence(self._file):
            return Sheet(self._file, name, self._open_sheet(position))

    def _position(self, wanted: str | int | None) -> int:
        if wanted is None:
            return self._first_visible()
        names = [sheet.name for sheet in self.sheets]
        for spelling in (str, str.casefold):
            for position, name in enumerate(names):
                if spelling(name) == spelling(str(wanted)):
                    return position
        numbers = [str(number) for number in range(1, len(names) + 1)]
        if str(wanted) in numbers:
            return int(wanted) - 1
        raise self._unknown(str(wanted), names)

    def _first_visible(self) -> int:
        for position, sheet in enumerate(self.sheets):
            if sheet.visibility == VISIBLE:
                return position
        raise ImportFailed(
            _("%(file)s: the workbook has no visible sheet with cells.")
            % {"file": shown(self._file)}
        )

    def _unknown(self, name: str, names: list[str]) -> ImportFailed:
        parts = {
            "file": shown(self._file),
            "sheet": shown(name),
            "sheets": shown(", ".join(names)),
            "suggestion": shown(did_you_mean(name, names)),
        }
        if parts["suggestion"]:
            message = _(
                '%(file)s: there is no sheet "%(sheet)s"; did you mean '
                '"%(suggestion)s"? Sheets: %(sheets)s.'
            )
        else:
            message = _(
                '%(file)s: there is no sheet "%(sheet)s"; expected one of: %(sheets)s.'
            )
        return ImportFailed(message % parts)


@contextmanager
def one_sentence(file: str, sheet: str = "") -> Iterator[None]:
    """Turn whatever is wrong with a file into ``ImportFailed``."""
    try:
        yield
    except Unreadable as fault:
        raise (fault.of_sheet(file, sheet) if sheet else fault.of_file(file)) from fault
    except (Damaged, ExpatError) as error:
        raise damaged().of_file(file) from error
    except OSError as error:
        raise ImportFailed(
            _("%(file)s: the file cannot be read (%(reason)s).")
            % {"file": shown(file), "reason": shown(error.strerror or str(error))}
        ) from error

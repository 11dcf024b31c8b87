"""The header row: which column fills which field."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from django.utils.translation import gettext as _

from core.importing.errors import (
    BadCell,
    ImportFailed,
    Problem,
    Problems,
    Reason,
    did_you_mean,
    shown,
)
from core.importing.fields import AnyField
from core.importing.names import normalised, verbose_names
from core.importing.reader import Row
from core.importing.targets import Target
from core.importing.texts import check_readable, to_text

MAX_HEADERS = 1_000


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the sheet. ``by_pk``: its cells hold primary keys of a relation."""

    index: int
    header: str
    field: AnyField
    by_pk: bool


def match_headers(row: Row, target: Target, problems: Problems) -> list[Column]:
    """Give the columns that are understood; report the others and those missing."""
    if len(row.cells) > MAX_HEADERS:
        raise ImportFailed(
            _(
                "%(file)s, sheet %(sheet)s: row %(row)s has %(count)s headers; "
                "expected at most %(limit)s."
            )
            % {
                "file": shown(problems.file),
                "sheet": shown(problems.sheet),
                "row": row.number,
                "count": len(row.cells),
                "limit": MAX_HEADERS,
            }
        )
    columns = _columns(row, target, problems)
    _report_missing(target, columns, problems)
    return columns


def _columns(row: Row, target: Target, problems: Problems) -> list[Column]:
    names = _Names(target)
    columns: dict[AnyField, Column] = {}
    for index, cell in sorted(row.cells.items()):
        header = str(cell.value)
        try:
            check_readable(cell)
            header = to_text(cell)
            column = names.column(index, header)
            _check_first(column, columns)
        except BadCell as bad:
            problems.add(Problem(bad.reason, bad.message, row.number, index, header))
        else:
            columns[column.field] = column
    return list(columns.values())


def _check_first(column: Column, columns: dict[AnyField, Column]) -> None:
    first = columns.get(column.field)
    if first is not None:
        raise BadCell(
            Reason.DUPLICATE_HEADER,
            _('duplicate header; the field "%(field)s" has column "%(first)s" already.')
            % {"field": column.field.name, "first": shown(first.header)},
        )


def _report_missing(target: Target, columns: list[Column], problems: Problems) -> None:
    present = {column.field for column in columns}
    for field in target.required_fields():
        if field in present:
            continue
        if field in target.open_fields:
            message = _('no column for the required field "%(field)s".')
        else:
            message = _(
                'the field "%(field)s" needs a value but is closed to imports, so '
                "this table cannot be imported."
            )
        message %= {"field": field.name}
        problems.add(Problem(Reason.MISSING_COLUMN, message, header=field.name))


class _Names:
    """Every spelling of every field; a name in the code wins over a verbose name."""

    def __init__(self, target: Target) -> None:
        self._open = set(target.open_fields)
        self._fields: dict[str, list[AnyField]] = {}
        self._by_pk: set[str] = set()
        fields = (*target.open_fields, *target.closed_fields)
        self._add(fields, lambda field: [field.name])
        before = set(self._fields)
        self._add((field for field in fields if field.concrete), _column_names)
        self._by_pk = set(self._fields) - before
        self._add(fields, verbose_names)

    def column(self, index: int, header: str) -> Column:
        name = normalised(header)
        fields = self._fields.get(name, [])
        if not fields:
            raise BadCell(Reason.UNKNOWN_HEADER, self._unknown(header))
        if len(fields) > 1:
            raise BadCell(
                Reason.UNKNOWN_HEADER,
                _("the header fits several fields; expected one of: %(names)s.")
                % {"names": ", ".join(field.name for field in fields)},
            )
        if fields[0] not in self._open:
            raise BadCell(
                Reason.CLOSED_HEADER,
                _('the field "%(field)s" is closed to imports; remove the column.')
                % {"field": fields[0].name},
            )
        return Column(index, header, fields[0], by_pk=name in self._by_pk)

    def _add(
        self,
        fields: Iterable[AnyField],
        spellings: Callable[[AnyField], Iterable[str]],
    ) -> None:
        added: dict[str, list[AnyField]] = {}
        for field in fields:
            for name in {normalised(spelling) for spelling in spellings(field)}:
                added.setdefault(name, []).append(field)
        self._fields = added | self._fields

    def _unknown(self, header: str) -> str:
        fields = sorted(self._open, key=lambda field: field.creation_counter)
        names = [field.name for field in fields]
        words = names + [name for field in fields for name in verbose_names(field)]
        if suggestion := did_you_mean(header, words):
            return _('unknown header; did you mean "%(suggestion)s"?') % {
                "suggestion": suggestion
            }
        return _("unknown header; expected one of: %(names)s.") % {
            "names": ", ".join(names)
        }


def _column_names(field: AnyField) -> list[str]:
    return [field.attname, *([field.column] if field.column else [])]

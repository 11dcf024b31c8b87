"""The header row: which column fills which field."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from django.utils.translation import gettext as _

from core.importing.converting.cells import check_readable
from core.importing.converting.texts import text_parser
from core.importing.errors import (
    BadCell,
    ImportFailed,
    Problem,
    Problems,
    Reason,
    did_you_mean,
    shown,
)
from core.importing.names import normalised, verbose_names
from core.importing.reading import Cell, Row
from core.importing.request import ImportRequest, Mode
from core.importing.targets.fields import AnyField, stored_field
from core.importing.targets.target import Target

MAX_HEADERS = 1_000
# Columns of a workbook of rejected rows, which explain and are not read.
OWN_PREFIX = "__"


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the sheet. ``lookup``: the field by which it names related rows."""

    index: int
    header: str
    field: AnyField
    lookup: AnyField | None = None


@dataclass(frozen=True)
class Header:
    """A header row that was understood. ``named``: the columns that have a header.

    ``constants`` has, for fields without a column, what every row has there.
    """

    row: int
    columns: tuple[Column, ...]
    named: frozenset[int]
    constants: tuple[tuple[Column, str], ...]

    @property
    def fields(self) -> list[AnyField]:
        constants = [column for column, _text in self.constants]
        return [column.field for column in (*self.columns, *constants)]


def read_header(
    row: Row, target: Target, request: ImportRequest, problems: Problems
) -> Header:
    """Give the columns that are understood; report the others and those missing."""
    cells = row.cells
    if len(cells) > MAX_HEADERS:
        raise problems.failure(
            _("row %(row)s has %(count)s headers; expected at most %(limit)s.")
            % {"row": row.number, "count": len(cells), "limit": MAX_HEADERS}
        )
    return _Reading(row, target, request, problems).header()


class _Reading:
    def __init__(
        self, row: Row, target: Target, request: ImportRequest, problems: Problems
    ) -> None:
        self._row = row
        self._target = target
        self._request = request
        self._problems = problems
        self._names = Names(target)
        self._lookups = {
            self._names.field(name): lookup for name, lookup in request.lookups.items()
        }
        self._mapping = {
            normalised(header): field for header, field in request.mapping.items()
        }

    def header(self) -> Header:
        columns: dict[AnyField, Column] = {}
        for index, cell in sorted(self._row.cells.items()):
            header = cell.text
            try:
                header = _header_text(cell)
                if header.startswith(OWN_PREFIX) or self._is_left_out(header):
                    continue
                column = self._column(index, header)
                _check_first(column, columns)
            except BadCell as bad:
                if self._is_extra(bad):
                    continue
                self._report(bad, index, header)
            else:
                columns[column.field] = column
        self._check_mapping()
        constants = self._constants(columns)
        self._report_missing({*columns, *(column.field for column, _ in constants)})
        named = frozenset(self._row.layout.columns)
        return Header(self._row.number, tuple(columns.values()), named, constants)

    def _is_left_out(self, header: str) -> bool:
        return self._mapping.get(normalised(header)) == ""

    def _column(self, index: int, header: str) -> Column:
        name = self._mapping.get(normalised(header), header)
        return self._completed(index, header, name)

    def _completed(self, index: int, header: str, name: str) -> Column:
        field = self._names.open_field(name)
        if not field.is_relation:
            return Column(index, header, field)
        if field in self._lookups:
            lookup = self._lookup(field, self._lookups[field])
        elif self._names.is_column_name(name):
            lookup = stored_field(field)
        else:
            lookup = self._target.lookup(field)
        return Column(index, header, field, lookup)

    def _lookup(self, field: AnyField, name: str) -> AnyField:
        fields = field.related_model._meta.concrete_fields  # type: ignore[union-attr]
        for candidate in fields:
            if name in {candidate.name, candidate.attname, candidate.column}:
                return candidate
        suggestion = did_you_mean(name, [candidate.name for candidate in fields])
        raise _unknown_name(name, suggestion or fields[0].name)

    def _is_extra(self, bad: BadCell) -> bool:
        is_unknown = bad.reason is Reason.UNKNOWN_HEADER
        return is_unknown and self._request.ignore_extra_columns

    def _report(self, bad: BadCell, index: int, header: str) -> None:
        self._problems.add(
            Problem(bad.reason, bad.message, self._row.number, index, header)
        )

    def _check_mapping(self) -> None:
        headers = {
            normalised(cell.text): cell.text for cell in self._row.cells.values()
        }
        for header in self._request.mapping:
            if normalised(header) not in headers:
                suggestion = did_you_mean(header, headers.values())
                raise _unknown_name(header, suggestion)

    def _constants(
        self, columns: dict[AnyField, Column]
    ) -> tuple[tuple[Column, str], ...]:
        found = []
        for name, text in self._request.constants.items():
            try:
                column = self._completed(0, name, name)
            except BadCell as bad:
                raise ImportFailed(f'"{shown(name)}": {bad.message}') from None
            if column.field in columns:
                raise ImportFailed(
                    _(
                        'the field "%(field)s" has a column already; set a value only '
                        "for fields without one."
                    )
                    % {"field": column.field.name}
                )
            found.append((column, text))
        return tuple(found)

    def _report_missing(self, present: set[AnyField]) -> None:
        if self._request.mode is Mode.UPDATE:
            return
        for field in self._target.required_fields():
            if field in present:
                continue
            if field in self._target.open_fields:
                message = _('no column for the required field "%(field)s".')
            else:
                message = _(
                    'the field "%(field)s" needs a value but is closed to imports, so '
                    "this table cannot be imported."
                )
            message %= {"field": field.name}
            self._problems.add(
                Problem(Reason.MISSING_COLUMN, message, header=field.name)
            )


def _header_text(cell: Cell) -> str:
    check_readable(cell.kind, cell.text)
    text: str = text_parser(cell.kind, cell.digits)(cell.text)
    return text


def _check_first(column: Column, columns: dict[AnyField, Column]) -> None:
    first = columns.get(column.field)
    if first is not None:
        raise BadCell(
            Reason.DUPLICATE_HEADER,
            _('duplicate header; the field "%(field)s" has column "%(first)s" already.')
            % {"field": column.field.name, "first": shown(first.header)},
        )


class Names:
    """Every spelling of every field; a name in the code wins over a verbose name."""

    def __init__(self, target: Target) -> None:
        self._open = set(target.open_fields)
        self._fields: dict[str, list[AnyField]] = {}
        fields = (*target.open_fields, *target.closed_fields)
        self._add(fields, lambda field: [field.name])
        before = set(self._fields)
        self._add((field for field in fields if field.concrete), _column_names)
        self._column_names = set(self._fields) - before
        self._labelled = fields

    def is_column_name(self, name: str) -> bool:
        """Tell whether the name is that of the column, not of the field."""
        return normalised(name) in self._column_names

    def field(self, name: str) -> AnyField:
        """Give the field that an option names, or raise ``ImportFailed``."""
        try:
            return self.open_field(name)
        except BadCell as bad:
            raise ImportFailed(f'"{shown(name)}": {bad.message}') from None

    def open_field(self, header: str) -> AnyField:
        fields = self._named(normalised(header))
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
        return fields[0]

    def _named(self, name: str) -> list[AnyField]:
        if name not in self._fields and self._labelled:
            # Labels in all languages: loading these takes longer than a small import.
            self._add(self._labelled, verbose_names)
            self._labelled = ()
        return self._fields.get(name, [])

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


def _unknown_name(name: str, suggestion: str) -> ImportFailed:
    if suggestion:
        message = _('There is no "%(name)s"; did you mean "%(suggestion)s"?')
    else:
        message = _('There is no "%(name)s" in the sheet.')
    return ImportFailed(message % {"name": shown(name), "suggestion": suggestion})

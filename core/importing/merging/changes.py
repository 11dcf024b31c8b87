"""What the import will do with each row: exact, before anything is written."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from core.importing.errors import Reason, quoted
from core.importing.loading.staging import ADD, ROWS, Staging, links_table
from core.importing.merging.checks import Report
from core.importing.merging.sql import (
    column,
    differs,
    identified,
    joined,
    quote,
    update_staged,
)
from core.importing.request import Mode
from core.importing.rows.links import Links
from core.importing.targets.fields import AnyField

CHANGE, KEEP = "c", "k"


@dataclass(frozen=True)
class Counts:
    """How many rows an import adds, changes, leaves as they are, and deletes before."""

    inserted: int = 0
    updated: int = 0
    unchanged: int = 0
    deleted: int = 0

    @property
    def written(self) -> int:
        return self.inserted + self.updated + self.deleted


def decide(
    staging: Staging,
    links: Links,
    key: tuple[AnyField, ...],
    changed: tuple[AnyField, ...],
    mode: Mode,
) -> None:
    """Note in each staged row what becomes of it, and which row of the table it is."""
    if not key:
        return
    difference = differs(staging, changed) if mode.changes_rows else "1 = 0"
    action = f"CASE WHEN {difference} THEN '{CHANGE}' ELSE '{KEEP}' END"
    identity = {
        name: f"t.{column(staging, field)}" for field, name in staging.identity.items()
    }
    staging.execute(
        update_staged(staging, {"action": action, **identity}, joined(staging, key))
    )
    if mode.changes_rows:
        _notice_changed_links(staging, links)


def count(staging: Staging, mode: Mode) -> Counts:
    found = dict(staging.fetch(f"SELECT action, COUNT(*) FROM {ROWS} GROUP BY action"))
    deleted = 0
    if mode is Mode.REPLACE:
        table = quote(staging, staging.target.table)
        ((deleted,),) = staging.fetch(f"SELECT COUNT(*) FROM {table}")
    return Counts(found.get(ADD, 0), found.get(CHANGE, 0), found.get(KEEP, 0), deleted)


def report_unknown(
    staging: Staging, key: tuple[AnyField, ...], room: int, report: Report
) -> None:
    """Report rows that are to change a row which the table has not."""
    columns = ", ".join(staging.column(field) for field in key)
    rows = staging.fetch(
        f"SELECT row_no, {columns} FROM {ROWS} WHERE action = '{ADD}' "
        f"ORDER BY row_no LIMIT {room}"
    )
    for row, *values in rows:
        message = _("%(value)s is not in the table %(table)s.") % {
            "value": ", ".join(map(quoted, values)),
            "table": staging.target.table,
        }
        names = [field.name for field in key]
        report(int(row), Reason.NOT_IN_TABLE, message, names)


def some_changes(
    staging: Staging, changed: tuple[AnyField, ...], limit: int
) -> list[tuple[int, dict[str, tuple[Any, Any]]]]:
    """Give, for the first rows that change, the old and new values that differ."""
    table = quote(staging, staging.target.table)
    pairs = [
        f"t.{column(staging, field)}, s.{staging.column(field)}" for field in changed
    ]
    rows = staging.fetch(
        f"SELECT {', '.join(['s.row_no', *pairs])} FROM {ROWS} s JOIN {table} t "
        f"ON {identified(staging)} "
        f"WHERE s.action = '{CHANGE}' ORDER BY s.row_no LIMIT {limit}"
    )
    return [
        (
            int(row),
            {
                field.name: (old, new)
                for field, (old, new) in zip(
                    changed, _pairs(staging, changed, values), strict=True
                )
                if old != new
            },
        )
        for row, *values in rows
    ]


def _pairs(
    staging: Staging, changed: tuple[AnyField, ...], values: Sequence[Any]
) -> Iterator[tuple[Any, Any]]:
    """Give old and new values as the fields' own Python values."""
    connection = staging.connection
    for field, old, new in zip(changed, values[::2], values[1::2], strict=True):
        col = field.get_col(staging.target.table)
        convert = [
            *connection.ops.get_db_converters(col),
            *col.get_db_converters(connection),
        ]
        for converter in convert:
            old, new = (converter(value, col, connection) for value in (old, new))
        yield old, new


def _notice_changed_links(staging: Staging, links: Links) -> None:
    (source,) = staging.identity.values() if links.fields else ("",)
    for number, field in enumerate(links.fields):
        through = quote(staging, field.m2m_db_table())
        owner = quote(staging, field.m2m_column_name())
        value = quote(staging, field.m2m_reverse_name())
        wanted = links_table(number)
        staging.execute(
            f"UPDATE {ROWS} SET action = '{CHANGE}' WHERE action = '{KEEP}' AND ("
            f"EXISTS (SELECT 1 FROM {through} x WHERE x.{owner} = {ROWS}.{source} AND "
            f"NOT EXISTS (SELECT 1 FROM {wanted} l WHERE l.row_no = {ROWS}.row_no "
            f"AND l.value = x.{value})))"
        )
        staging.execute(
            f"UPDATE {ROWS} SET action = '{CHANGE}' WHERE action = '{KEEP}' AND "
            f"EXISTS (SELECT 1 FROM {wanted} l WHERE l.row_no = {ROWS}.row_no AND "
            f"NOT EXISTS (SELECT 1 FROM {through} x WHERE x.{owner} = {ROWS}.{source} "
            f"AND x.{value} = l.value))"
        )

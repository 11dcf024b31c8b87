"""Writing: a few statements in one transaction, after every check has passed."""

from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.utils.translation import gettext as _

from core.importing.errors import ImportFailed, Problems
from core.importing.loading.staging import ADD, ROWS, Staging, links_table
from core.importing.merging.changes import CHANGE, Counts
from core.importing.merging.sql import (
    column,
    joined,
    quote,
    update_staged,
    update_table,
)
from core.importing.request import Mode
from core.importing.rows.links import Links
from core.importing.rows.written import Written
from core.importing.targets.fields import AnyField


class Merge:
    """Call ``run`` in a transaction on the connection of the staging table.

    Its statements go through the connection as any other write: they are what
    commit hooks and a cache that watches statements see.
    """

    def __init__(
        self,
        staging: Staging,
        links: Links,
        written: Written,
        changed: tuple[AnyField, ...],
        problems: Problems,
    ) -> None:
        self._staging = staging
        self._links = links
        self._written = written
        self._changed = changed
        self._problems = problems
        self._connection: BaseDatabaseWrapper = staging.connection
        self._table = quote(staging, staging.target.table)

    def run(self, mode: Mode, counts: Counts) -> None:
        if mode is Mode.REPLACE and counts.deleted:
            self._delete_all(counts.deleted)
        if counts.updated:
            self._update(counts.updated)
        if counts.inserted:
            self._insert(counts.inserted)
        if self._links.fields and (counts.updated or counts.inserted):
            self._link()

    def _delete_all(self, expected: int) -> None:
        for field in self._staging.target.model._meta.local_many_to_many:
            if field.remote_field.through._meta.auto_created:  # type: ignore[union-attr]
                table = quote(self._staging, field.m2m_db_table())
                self._execute(f"DELETE FROM {table}")
        self._expect(expected, self._execute(f"DELETE FROM {self._table}"))

    def _update(self, expected: int) -> None:
        fields = [
            field
            for field in dict.fromkeys((*self._changed, *self._written.touched))
            if field not in self._staging.identity
        ]
        if fields:
            sql = update_table(self._staging, fields, f"s.action = '{CHANGE}'")
            self._expect(expected, self._execute(sql))

    def _insert(self, expected: int) -> None:
        fields = self._written.fields
        names = ", ".join(column(self._staging, field) for field in fields)
        values = ", ".join(f"s.{self._staging.column(field)}" for field in fields)
        sql = (
            f"INSERT INTO {self._table} ({names}) SELECT {values} FROM {ROWS} s "
            f"WHERE s.action = '{ADD}' ORDER BY s.row_no"
        )
        self._expect(expected, self._execute(sql))

    def _link(self) -> None:
        """Write the many-to-many rows; the rows they belong to are written."""
        self._find_new_rows()
        (source,) = self._staging.identity.values()
        for number, field in enumerate(self._links.fields):
            wanted = links_table(number)
            self._staging.execute(
                f"UPDATE {wanted} SET source = (SELECT s.{source} FROM {ROWS} s "
                f"WHERE s.row_no = {wanted}.row_no "
                f"AND s.action IN ('{ADD}', '{CHANGE}'))"
            )
            self._link_one(field, wanted, source)

    def _link_one(self, field: Any, wanted: str, source: str) -> None:
        through = quote(self._staging, field.m2m_db_table())
        owner = quote(self._staging, field.m2m_column_name())
        value = quote(self._staging, field.m2m_reverse_name())
        self._execute(
            f"DELETE FROM {through} WHERE {owner} IN (SELECT s.{source} FROM {ROWS} s "
            f"WHERE s.action = '{CHANGE}') AND NOT EXISTS (SELECT 1 "
            f"FROM {wanted} l WHERE l.source = {through}.{owner} "
            f"AND l.value = {through}.{value})"
        )
        self._execute(
            f"INSERT INTO {through} ({owner}, {value}) SELECT l.source, l.value "
            f"FROM {wanted} l LEFT JOIN {through} x ON x.{owner} = l.source "
            f"AND x.{value} = l.value WHERE x.{owner} IS NULL "
            f"AND l.source IS NOT NULL ORDER BY l.row_no, l.value"
        )

    def _find_new_rows(self) -> None:
        """Learn the keys of the new rows, which an INSERT of many does not tell."""
        (source,) = self._staging.identity.values()
        (identity,) = self._staging.identity
        new = f"s.action = '{ADD}'"
        self._staging.execute(
            update_staged(
                self._staging,
                {source: f"t.{column(self._staging, identity)}"},
                f"{joined(self._staging, self._finding_key())} AND {new}",
            )
        )

    def _finding_key(self) -> tuple[AnyField, ...]:
        """Choose unique fields that every new row with links has a value of."""
        staged = set(self._staging.fields)
        lacking = ""
        for rule in self._staging.target.unique_rules:
            if rule.condition is not None or not staged.issuperset(rule.fields):
                continue
            if not self._lack_a_value(rule.fields):
                return rule.fields
            lacking = ", ".join(rule.names)
        raise ImportFailed(
            _(
                "%(model)s: this database finds the new rows again by %(field)s, "
                "which is blank in a row; leave out the many-to-many columns."
            )
            % {
                "model": self._staging.target.label,
                "field": lacking or _("a unique column"),
            }
        )

    def _lack_a_value(self, fields: tuple[AnyField, ...]) -> bool:
        blank = " OR ".join(
            f"s.{self._staging.column(field)} IS NULL" for field in fields
        )
        for number, _field in enumerate(self._links.fields):
            found = self._staging.fetch(
                f"SELECT 1 FROM {links_table(number)} l JOIN {ROWS} s "
                f"ON s.row_no = l.row_no WHERE s.action = '{ADD}' AND ({blank}) LIMIT 1"
            )
            if found:
                return True
        return False

    def _execute(self, sql: str) -> int:
        with self._connection.cursor() as cursor:
            cursor.execute(sql)
            count: int = cursor.rowcount
        return count

    def _expect(self, expected: int, done: int) -> None:
        """Stop if the rows are not those that were counted a moment ago."""
        if done != expected:
            raise self._problems.failure(
                _(
                    "another writer changed the table meanwhile; nothing was written, "
                    "so the import can be repeated."
                )
            )

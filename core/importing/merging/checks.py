"""Values that come twice, and values that the table has already.

The unique indexes of the database decide when the rows are written. These checks
run before, in SQL and under the columns' own collations, to name every cell.
"""

from collections.abc import Callable, Iterable
from typing import Any

from django.db import connections
from django.utils.translation import gettext as _

from core.importing.errors import Problem, Problems, Reason, quoted
from core.importing.headers import Header
from core.importing.loading.staging import ROWS, Staging
from core.importing.merging.sql import column, joined, quote
from core.importing.request import Mode
from core.importing.targets.fields import AnyField
from core.importing.targets.uniqueness import UniqueRule

Report = Callable[[int, Reason, str, Iterable[str]], None]


class UniquenessCheck:
    def __init__(
        self,
        staging: Staging,
        header: Header,
        key: tuple[AnyField, ...],
        mode: Mode,
        problems: Problems,
        report: Report,
    ) -> None:
        self._staging = staging
        self._header = header
        self._key = key
        self._mode = mode
        self._problems = problems
        self._report = report

    def check(self) -> None:
        """Report every row whose values come again, or are in the table already."""
        staged = set(self._staging.fields)
        rules = self._staging.target.unique_rules
        flags = iter(self._staging.flags)
        for rule in rules:
            flag = next(flags) if rule.applies else None
            if staged.issuperset(rule.fields):
                self._check_rule(rule, flag)

    def _check_rule(self, rule: UniqueRule, flag: str | None) -> None:
        repeated = set()
        for row, first, *values in self._repeated(rule, flag):
            message = _("%(value)s is already in %(place)s.") % {
                "value": self._shown(rule, values),
                "place": self._place(first, rule),
            }
            self._report(row, Reason.TWICE_IN_FILE, message, rule.names)
            repeated.add(row)
        if self._mode is Mode.REPLACE or set(rule.fields) == set(self._key):
            return
        for row, *values in self._taken(rule, flag):
            if row in repeated:
                continue
            message = _("%(value)s is already in the table %(table)s.") % {
                "value": self._shown(rule, values),
                "table": self._staging.target.table,
            }
            self._report(row, Reason.IN_TABLE, message, rule.names)

    def _repeated(self, rule: UniqueRule, flag: str | None) -> list[tuple[Any, ...]]:
        """List rows with values of an earlier row: row, first row, values."""
        columns = [self._staging.column(field) for field in rule.fields]
        names = ", ".join(columns)
        if rule.fields in self._staging.keys and not self._has_repeated(columns):
            return []
        return self._staging.fetch(
            f"SELECT row_no, first_no, {names} FROM (SELECT row_no, {names}, "
            f"MIN(row_no) OVER (PARTITION BY {names}) AS first_no FROM {ROWS} "
            f"WHERE {self._present(columns, flag)}) AS numbered "
            f"WHERE row_no > first_no ORDER BY row_no LIMIT {self._problems.room}"
        )

    def _has_repeated(self, columns: list[str]) -> bool:
        """Ask the key whether there is anything to find: mostly there is not."""
        found = self._staging.fetch(
            f"SELECT 1 FROM {ROWS} WHERE {self._present(columns, None)} "
            f"GROUP BY {', '.join(columns)} HAVING COUNT(*) > 1 LIMIT 1"
        )
        return bool(found)

    def _taken(self, rule: UniqueRule, flag: str | None) -> list[tuple[Any, ...]]:
        """List rows with values that another row of the table has: row, values."""
        staging = self._staging
        columns = [staging.column(field) for field in rule.fields]
        other = quote(staging, staging.target.table)
        conditions = [
            f"o.{column(staging, field)} = s.{staging.column(field)}"
            for field in rule.fields
        ]
        conditions.append(
            self._present([f"s.{name}" for name in columns], flag and f"s.{flag}")
        )
        names = ", ".join(f"s.{name}" for name in columns)
        sql = (
            f"SELECT s.row_no, {names} FROM {ROWS} s JOIN {other} o ON {conditions[0]}"
        )
        params: list[object] = []
        if rule.condition is not None:
            applying, params = self._rows_under(rule)
            conditions.append(applying)
        if self._key:
            # The row that is meant may keep its values, and a row that the table has
            # is not added anyway.
            sql += f" LEFT JOIN {other} t ON {joined(staging, self._key)}"
            same = [
                f"o.{column(staging, field)} = t.{column(staging, field)}"
                for field in self._key
            ]
            if self._mode is Mode.INSERT_NEW:
                conditions.append(f"t.{column(staging, self._key[0])} IS NULL")
            else:
                first = f"t.{column(staging, self._key[0])}"
                conditions.append(f"({first} IS NULL OR NOT ({' AND '.join(same)}))")
        sql += f" WHERE {' AND '.join(conditions)} ORDER BY s.row_no"
        return staging.fetch(f"{sql} LIMIT {self._problems.room}", params)

    def _rows_under(self, rule: UniqueRule) -> tuple[str, list[object]]:
        """Select the rows of the table that a conditional rule applies to."""
        target = self._staging.target
        rows = target.model._base_manager.using(target.using).filter(rule.condition)
        sql, params = rows.values("pk").query.get_compiler(target.using).as_sql()
        pk = column(self._staging, target.model._meta.pk)
        return f"o.{pk} IN ({sql})", list(params)

    def _present(self, columns: list[str], flag: str | None) -> str:
        # NULL equals nothing.
        present = [f"{column} IS NOT NULL" for column in columns]
        return " AND ".join([*present, *([f"{flag} IS NOT NULL"] if flag else [])])

    def _shown(self, rule: UniqueRule, values: list[Any]) -> str:
        pairs = zip(rule.fields, values, strict=True)
        return ", ".join(quoted(self._python_value(*pair)) for pair in pairs)

    def _python_value(self, field: AnyField, value: object) -> object:
        connection = connections[self._staging.target.using]
        expression = field.cached_col
        for convert in (
            *connection.ops.get_db_converters(expression),
            *field.get_db_converters(connection),
        ):
            value = convert(value, expression, connection)
        return value

    def _place(self, row: int, rule: UniqueRule) -> str:
        columns = {column.field: column for column in self._header.columns}
        for field in rule.fields:
            if found := columns.get(field):
                reason = Reason.TWICE_IN_FILE
                return Problem(reason, "", row, found.index, found.header).place
        return Problem(Reason.TWICE_IN_FILE, "", row).place

"""The staging table: the rows of the sheet, typed and compared as in the table.

It is temporary: nobody else sees it, and it goes with the connection whatever
happens to the process. Its columns have the types and collations of the table's, so
that the database, not Python, decides which values are equal.

Its statements bypass the connection's execute wrappers: they change nothing that
anybody else could see, a cache least of all.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, TypeAlias

from django.db.backends.base.base import BaseDatabaseWrapper
from django.utils.functional import cached_property
from django.utils.translation import gettext as _

from core.importing.converting.matching import batches
from core.importing.errors import ImportFailed, Problem, Problems, Reason, shown
from core.importing.loading.cursors import driver_cursor
from core.importing.rows.links import Links
from core.importing.rows.reading import StagedRow
from core.importing.targets.columns import ColumnInfo, columns_of, unique_keys_of
from core.importing.targets.fields import AnyField
from core.importing.targets.target import Target

ROWS = "core_importing_rows"
# What becomes of a row, unless the table has it.
ADD = "a"
ROWS_PER_STATEMENT = 500
# Keeps a statement below the 16 MiB that servers accept by default, even if each
# character takes four bytes and is escaped.
CHARACTERS_PER_STATEMENT = 500_000
SHOWN_WARNINGS = 20
NO_RIGHT_TO_TEMPORARY_TABLES = {1044, 1142}

Batch: TypeAlias = list[tuple[str | None, ...]]


class Staging:
    """``column(field)`` and ``identity`` name its columns."""

    def __init__(
        self,
        connection: BaseDatabaseWrapper,
        target: Target,
        fields: Sequence[AnyField],
        flags: int,
    ) -> None:
        self.connection = connection
        self.target = target
        self.fields = tuple(fields)
        self.flags = tuple(f"u{number}" for number in range(1, flags + 1))
        self._columns = {field: f"c{n}" for n, field in enumerate(fields, start=1)}
        self.identity = {
            field: f"k{n}" for n, field in enumerate(target.identity, start=1)
        }

    def column(self, field: AnyField) -> str:
        return self._columns[field]

    @cached_property
    def keys(self) -> list[tuple[AnyField, ...]]:
        """The unique keys that the staging table has as keys, though not unique.

        MySQL makes them while rows are still being read, and needs much longer to
        sort the rows afterwards; SQLite does both in this process.
        """
        if self.connection.vendor != "mysql":
            return []
        by_column = {str(field.column).lower(): field for field in self.fields}
        return [
            tuple(by_column[name.lower()] for name in key)
            for key in unique_keys_of(self.connection, self.target.table)
            if by_column.keys() >= {name.lower() for name in key}
        ]

    def create(self) -> None:
        columns = [
            "row_no BIGINT NOT NULL PRIMARY KEY",
            f"action CHAR(1) NOT NULL DEFAULT '{ADD}'",
            *self._declarations(self.identity),
            *self._declarations(self._columns),
            *(f"{flag} CHAR(1) NULL" for flag in self.flags),
            *(f"KEY ({', '.join(map(self.column, key))})" for key in self.keys),
        ]
        self._create_table(ROWS, columns)

    def load(self, rows: Iterable[list[StagedRow]], problems: Problems) -> None:
        """Take the rows as they come, in batches."""
        names = ["row_no", *self._columns.values(), *self.flags]
        self._load(ROWS, names, rows, problems)

    def load_links(self, links: Links, problems: Problems) -> None:
        """Stage the many-to-many rows, a table for each of the fields."""
        for number, field in enumerate(links.fields):
            table = links_table(number)
            through: Any = field.remote_field.through
            infos = columns_of(self.connection, through._meta.db_table)
            value = infos[field.m2m_reverse_name().lower()]
            (identity,) = self.target.identity
            key = self.target.column(identity)
            columns = [
                "row_no BIGINT NOT NULL",
                f"value {self._declared_type(value)} NOT NULL",
                f"source {self._declared_type(key)} NULL",
                "PRIMARY KEY (row_no, value)",
            ]
            self._create_table(table, columns)
            pairs: Iterator[Batch] = batches(links.of(field), ROWS_PER_STATEMENT)
            self._load(table, ["row_no", "value"], pairs, problems)

    def drop(self, links: Links) -> None:
        names = [ROWS, *(links_table(n) for n, _field in enumerate(links.fields))]
        for name in names:
            self._drop_table(name)

    def execute(self, sql: str, params: Sequence[Any] = ()) -> int:
        with driver_cursor(self.connection) as cursor:
            cursor.execute(sql, params or None)
            count: int = cursor.rowcount
        return count

    def fetch(self, sql: str, params: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        with driver_cursor(self.connection) as cursor:
            cursor.execute(sql, params or None)
            return list(cursor.fetchall())

    def remove(self, rows: Iterable[int]) -> None:
        """Take rows out that will not be merged."""
        for batch in batches(sorted(rows), ROWS_PER_STATEMENT):
            numbers = ", ".join(map(str, batch))
            self.execute(f"DELETE FROM {ROWS} WHERE row_no IN ({numbers})")

    def _declarations(self, columns: dict[AnyField, str]) -> Iterator[str]:
        for field, name in columns.items():
            yield f"{name} {self._declared_type(self.target.column(field))} NULL"

    def _declared_type(self, column: ColumnInfo) -> str:
        declared = column.type
        if declared.lower().startswith("bit"):
            # A loaded text "1" would be taken for the bits of the letter 1.
            declared = "BIGINT UNSIGNED"
        if column.charset:
            declared += f" CHARACTER SET {column.charset}"
        return declared + (f" COLLATE {column.collation}" if column.collation else "")

    def _create_table(self, table: str, columns: list[str]) -> None:
        self._drop_table(table)
        try:
            self.execute(f"CREATE TEMPORARY TABLE {table} ({', '.join(columns)})")
        except Exception as error:
            if error.args and error.args[0] in NO_RIGHT_TO_TEMPORARY_TABLES:
                raise ImportFailed(
                    _(
                        "The user of the database lacks the right CREATE TEMPORARY "
                        "TABLES, which imports need; nothing was written."
                    )
                ) from error
            raise

    def _drop_table(self, table: str) -> None:
        kind = "TEMPORARY TABLE" if self.connection.vendor == "mysql" else "TABLE"
        schema = "" if self.connection.vendor == "mysql" else "temp."
        self.execute(f"DROP {kind} IF EXISTS {schema}{table}")

    def _load(
        self,
        table: str,
        columns: list[str],
        rows: Iterable[Batch],
        problems: Problems,
    ) -> None:
        counted = _Counted(rows)
        if self._load_in_bulk(table, columns, counted):
            self._check_warnings(problems)
        else:
            for batch in counted:
                for part in _statements(batch):
                    self._insert(table, columns, part, problems)
        ((taken,),) = self.fetch(f"SELECT COUNT(*) FROM {table}")
        if taken != counted.count:
            raise problems.failure(
                _("the database took %(taken)s of %(sent)s rows; nothing was written.")
                % {"taken": taken, "sent": counted.count}
            )

    def _load_in_bulk(
        self, table: str, columns: list[str], rows: Iterable[Batch]
    ) -> bool:
        if self.connection.vendor != "mysql":
            return False
        from core.importing.loading import mysql

        if not mysql.can_load(self.connection):
            return False
        return mysql.load(self.connection, table, columns, rows)

    def _insert(
        self,
        table: str,
        columns: list[str],
        rows: Batch,
        problems: Problems,
    ) -> None:
        places = f"({', '.join(['%s'] * len(columns))})"
        insert = f"INSERT INTO {table} ({', '.join(columns)}) VALUES "
        with driver_cursor(self.connection) as cursor:
            if self.connection.vendor == "mysql":
                values = [text for row in rows for text in row]
                cursor.execute(insert + ", ".join([places] * len(rows)), values)
            else:
                # A savepoint is a transaction: a row at a time would be one each.
                cursor.execute("SAVEPOINT core_importing")
                cursor.executemany(insert + places, rows)
                cursor.execute("RELEASE SAVEPOINT core_importing")
                return
        self._check_warnings(problems)

    def _check_warnings(self, problems: Problems) -> None:
        """Refuse values that the server would have changed: a converter has a gap."""
        ((count,),) = self.fetch("SELECT @@warning_count")
        if not count:
            return
        warnings = self.fetch(f"SHOW WARNINGS LIMIT {SHOWN_WARNINGS}")
        for _level, _code, message in warnings:
            problems.add(Problem(Reason.REFUSED, shown(self._translated(message))))
        problems.raise_if_any()

    def _translated(self, message: str) -> str:
        """Put names of fields for the names of staging columns."""
        for field, name in self._columns.items():
            message = message.replace(f"'{name}'", f"'{field.name}'")
            message = message.replace(f".`{name}`", f".`{field.name}`")
        return message


def links_table(number: int) -> str:
    return f"core_importing_links_{number}"


class _Counted:
    def __init__(self, batches: Iterable[Batch]) -> None:
        self._batches = batches
        self.count = 0

    def __iter__(self) -> Iterator[Batch]:
        for batch in self._batches:
            self.count += len(batch)
            yield batch


def _statements(rows: Batch) -> Iterator[Batch]:
    """Part rows that are too long together for one statement."""
    part: Batch = []
    characters = 0
    for row in rows:
        size = sum(len(text) for text in row if text)
        if part and characters + size > CHARACTERS_PER_STATEMENT:
            yield part
            part, characters = [], 0
        part.append(row)
        characters += size
    if part:
        yield part

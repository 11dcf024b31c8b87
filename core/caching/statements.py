"""Which tables, and which rows of them, an SQL statement writes.

Only the shapes that Django's ORM writes are read for rows: ``UPDATE … WHERE key =
%s``, ``DELETE … WHERE key IN (%s, …)``, ``INSERT … (key, …) VALUES (%s, …)``. Any
other statement that is not plainly a read counts as a change of unknown rows in
every table it mentions. Reading too little is thus impossible, short of a stored
procedure or trigger that writes tables the statement does not name.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

READS = frozenset(
    [
        "SELECT",
        "SHOW",
        "DESCRIBE",
        "PRAGMA",
        "SET",
        "USE",
        "BEGIN",
        "START",
        "COMMIT",
        "ROLLBACK",
        "SAVEPOINT",
        "RELEASE",
        "KILL",
    ]
)
_FIRST_WORD = re.compile(r"(?:\s|\(|--[^\n]*\n|/\*(?!!).*?\*/)*(\w*)", re.DOTALL)
_NAME = r"""["`]?(\w+)["`]?"""
_INSERT = re.compile(
    rf"INSERT\s+(?:IGNORE\s+|OR\s+IGNORE\s+)?INTO\s+{_NAME}\s*"
    r"\(([^()]*)\)\s*VALUES\s*([(%s), ]*)(?:RETURNING\s[^()]*)?",
    re.IGNORECASE,
)
_UPDATE = re.compile(rf"UPDATE\s+{_NAME}\s+SET\s+(.*)", re.IGNORECASE | re.DOTALL)
_DELETE = re.compile(
    rf"DELETE\s+FROM\s+{_NAME}(?:\s+WHERE\s+(.*))?", re.IGNORECASE | re.DOTALL
)
_ASSIGNED = re.compile(rf"{_NAME}\s*=")
_CONDITION = rf"(?:{_NAME}\.)?{_NAME}\s*(?:=\s*%s|IN\s*\((%s(?:,\s*%s)*)\))"
_CONDITIONS = re.compile(_CONDITION, re.IGNORECASE)
# Both brackets or none: a closing one alone ends a subquery, not the statement.
_WHERE = re.compile(
    r"ALL|\(ALL\)".replace("ALL", r"X(?:\s+AND\s+X)*").replace("X", _CONDITION),
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Change:
    """One table that a statement writes; all names in lower case.

    ``rows`` gives, per column, values that every written row has one of; a column
    that is missing may have any. ``columns`` has at least those an UPDATE assigns;
    empty stands for all. ``inserted`` counts the rows of an INSERT.
    """

    table: str
    rows: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    columns: frozenset[str] = frozenset()
    inserted: int = 0


def changes(sql: str, params: Any, tables: Iterable[str]) -> list[Change]:
    """List the changes of these tables, given in lower case."""
    first = _FIRST_WORD.match(sql)
    word = first[1].upper() if first else ""
    if word in READS:
        return []
    read = {"INSERT": _insert, "UPDATE": _update, "DELETE": _delete}.get(word)
    change = read(sql.strip().rstrip(";"), params) if read else None
    if change is not None:
        return [change] if change.table in tables else []
    lowered = sql.lower()
    return [Change(table) for table in tables if table in lowered]


def _insert(sql: str, params: Any) -> Change | None:
    found = _INSERT.fullmatch(sql)
    if not found:
        return None
    table, names, values = found.groups()
    columns = [name.strip(' "`\n').lower() for name in names.split(",")]
    width = len(columns)
    if not _fit(params, values.count("%s")) or len(params) % width:
        return Change(table.lower())
    rows = {name: params[start::width] for start, name in enumerate(columns)}
    return Change(table.lower(), rows, inserted=len(params) // width)


def _update(sql: str, params: Any) -> Change | None:
    found = _UPDATE.fullmatch(sql)
    if not found:
        return None
    table, rest = found.groups()
    assignments, is_limited, where = rest.rpartition(" WHERE ")
    rows = _rows(where, params) if is_limited else {}
    # Comparisons are taken for assignments too, which only adds columns.
    columns = _ASSIGNED.findall(assignments if rows else rest)
    return Change(table.lower(), rows, frozenset(map(str.lower, columns)))


def _delete(sql: str, params: Any) -> Change | None:
    found = _DELETE.fullmatch(sql)
    return Change(found[1].lower(), _rows(found[2], params)) if found else None


def _rows(where: str | None, params: Any) -> dict[str, Sequence[Any]]:
    """Read ``a = %s AND b IN (%s, %s)``, whose values are the last parameters."""
    if not where or not _WHERE.fullmatch(where.strip()):
        return {}
    count = where.count("%s")
    if not isinstance(params, list | tuple) or len(params) < count:
        return {}
    values = list(params[len(params) - count :])
    rows: dict[str, Sequence[Any]] = {}
    for _table, column, many in _CONDITIONS.findall(where):
        size = many.count("%s") or 1
        rows[column.lower()], values = values[:size], values[size:]
    return rows


def _fit(params: Any, count: int) -> bool:
    return isinstance(params, list | tuple) and len(params) == count > 0

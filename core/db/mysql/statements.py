"""Which statements may leave a trace in the session that runs them."""

import re

# Statements after which the session is as it was, whatever they contain, except
# for what _TRACES finds. Everything else counts as a change.
_HARMLESS = re.compile(
    r"[\s(]*(?:SELECT|INSERT|UPDATE|DELETE|REPLACE|WITH|VALUES|SHOW|EXPLAIN|DESCRIBE"
    r"|SAVEPOINT|RELEASE\s+SAVEPOINT|ROLLBACK\s+TO)\b",
    re.IGNORECASE,
)
# User variables (not @@system ones), named locks, FOUND_ROWS(), a second statement.
_TRACES = re.compile(r"(?<!@)@(?!@)|GET_LOCK|SQL_CALC_FOUND_ROWS|;\s*\S", re.IGNORECASE)


def changes_session(sql: str | bytes) -> bool:
    """Tell whether a statement may leave a trace in the session; unknown: yes."""
    if isinstance(sql, bytes) or _HARMLESS.match(sql) is None:
        return True
    capitals = sql.upper()
    # Finding a word is much faster than searching for a pattern.
    if "@" in sql or ";" in sql or "GET_LOCK" in capitals or "SQL_CALC" in capitals:
        return _TRACES.search(sql) is not None
    return False

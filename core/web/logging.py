"""Log lines for people (text) or for programs (one JSON object each).

E-mail addresses, telephone numbers and query strings are blotted out, also where
Django, a driver or a traceback put them. Nothing of Django is imported here: gunicorn
uses this before its workers have made their choice of threads or greenlets.
"""

import json
import logging
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

NO_REQUEST_ID = "-"
# As gunicorn calls the response's header among the values of an access line.
GUNICORNS_REQUEST_ID = "{x-request-id}o"

PERSONAL = [
    # From the beginning of a word only: else a long one is searched again and again.
    (re.compile(r"(?<![\w.+%-])[\w.+%-]+(?:@|%40)[\w-]+(?:\.[\w-]+)+"), "[e-mail]"),
    (re.compile(r"(?<!\w)\+[1-9][0-9]{6,14}\b"), "[telephone]"),
    (re.compile(r"\?[\w.~%+\[\]-]+=[^\s\"'<>)]*"), "?[query]"),
]
# A line break in a path must not look like a line of its own.
CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f\x85\u2028\u2029]")

STANDARD_ATTRIBUTES = {*vars(logging.makeLogRecord({})), "message", "asctime"}


class TextFormatter(logging.Formatter):
    def __init__(self) -> None:
        super().__init__(
            "{asctime} {levelname} {name} [{request_id}]: {message}", style="{"
        )

    def formatMessage(self, record: logging.LogRecord) -> str:
        record.request_id = _request_id_of(record)
        record.message = CONTROL.sub(_escaped, record.message)
        return super().formatMessage(record)

    def format(self, record: logging.LogRecord) -> str:
        return without_personal_data(super().format(record))


class JsonFormatter(logging.Formatter):
    """One line per record: what ``extra`` adds is there, the traceback in one field."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(),
            "level": record.levelname,
            "logger": record.name,
            "request_id": _request_id_of(record),
            "message": without_personal_data(record.getMessage()),
        }
        for name, value in _extras(record):
            line.setdefault(name, value)
        if record.exc_info:
            traceback = self.formatException(record.exc_info)
            line["exception"] = without_personal_data(traceback)
        if record.stack_info:
            line["stack"] = without_personal_data(record.stack_info)
        return json.dumps(line, ensure_ascii=False)


FORMATTERS: dict[str, type[logging.Formatter]] = {
    "text": TextFormatter,
    "json": JsonFormatter,
}


def without_personal_data(text: str) -> str:
    for pattern, replacement in PERSONAL:
        text = pattern.sub(replacement, text)
    return text


def _request_id_of(record: logging.LogRecord) -> str:
    known = getattr(record, "request_id", None)
    if known is None and isinstance(record.args, Mapping):
        known = record.args.get(GUNICORNS_REQUEST_ID)
    return str(known or NO_REQUEST_ID)


def _extras(record: logging.LogRecord) -> Iterator[tuple[str, Any]]:
    """Give what ``extra`` added, but no objects, whose text could be anything."""
    for name, value in vars(record).items():
        if name in STANDARD_ATTRIBUTES:
            continue
        if isinstance(value, str):
            yield name, without_personal_data(value)
        elif isinstance(value, int | float):
            yield name, value


def _escaped(match: re.Match[str]) -> str:
    return match[0].encode("unicode_escape").decode("ascii")

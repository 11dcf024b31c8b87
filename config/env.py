"""Typed readers for environment variables.

Every reader raises ``ImproperlyConfigured`` with one sentence that names the
variable, the value found and the form expected. A value that is a secret, or
may contain one (a URL with a password), is described without being repeated.
"""

import json
import os
import re
import sys
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit
from zoneinfo import available_timezones

from django.core.exceptions import ImproperlyConfigured
from dotenv import load_dotenv

TRUE_WORDS = {"1", "true", "yes", "on"}
FALSE_WORDS = {"0", "false", "no", "off"}

MYSQL_SCHEMES = {"mysql", "mysql+pymysql", "mysql+mysqldb", "mariadb"}
EMAIL_SCHEMES = {"consolemail", "filemail", "dummymail", "smtp", "smtp+tls", "smtp+ssl"}
SMS_SCHEMES = {"console", "file", "locmem", "dummy", "webhook+https", "webhook+http"}
DOTTED_PATH = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)+")


def load_file(path: Path) -> None:
    """Read ``NAME=value`` lines; variables already set win."""
    load_dotenv(path, override=False)


def text(name: str, default: str = "") -> str:
    return os.environ.get(name, "").strip() or default


def secret(name: str, default: str = "", *, required: bool = True) -> str:
    """Read ``NAME``, or the file that ``NAME_FILE`` points to."""
    if path := text(f"{name}_FILE"):
        try:
            return Path(path).read_text(encoding="utf-8").strip()
        except OSError as error:
            expected = f"a readable file ({error.strerror})"
            raise _wrong(f"{name}_FILE", path, expected) from None
    value = text(name, default)
    if not value and required:
        raise ImproperlyConfigured(
            f"{name} is not set: expected a long random string, or {name}_FILE "
            "with the path of a file that holds one."
        )
    return value


def boolean(name: str, default: bool) -> bool:
    value = text(name).lower()
    if not value:
        return default
    if value in TRUE_WORDS | FALSE_WORDS:
        return value in TRUE_WORDS
    raise _wrong(name, value, "one of 1, true, yes, on, 0, false, no, off")


def integer(name: str, default: int, *, unit: str, minimum: int = 0) -> int:
    value = text(name)
    if not value:
        return default
    if value.isascii() and value.isdigit() and int(value) >= minimum:
        return int(value)
    raise _wrong(name, value, f"a whole number of {unit}, {minimum} or more")


def choice(name: str, default: str, allowed: list[str]) -> str:
    value = text(name, default)
    if value in allowed:
        return value
    raise _wrong(name, value, f"one of {', '.join(allowed)}")


def log_format(name: str, default: str = "auto") -> str:
    """Read text, json or auto: text for people at a terminal, else JSON."""
    value = choice(name, default, ["auto", "text", "json"])
    if value != "auto":
        return value
    return "text" if sys.stderr.isatty() else "json"


def time_zone(name: str, default: str) -> str:
    value = text(name, default)
    if value in available_timezones():
        return value
    raise _wrong(name, value, "a time zone name such as Asia/Shanghai or UTC")


def words(name: str, default: list[str]) -> list[str]:
    """Read a comma-separated list."""
    return [word for part in text(name).split(",") if (word := part.strip())] or default


def json_object(name: str) -> dict[str, Any]:
    value = text(name, "{}")
    try:
        loaded = json.loads(value)
    except ValueError as error:
        raise _wrong(name, value, f"a JSON object ({error})") from None
    if not isinstance(loaded, dict):
        raise _wrong(name, value, 'a JSON object such as {"maxconnections": 10}')
    return loaded


def database(name: str, default: str) -> dict[str, Any]:
    """Read ``DATABASES["default"]`` from a URL in Django's or SQLAlchemy's form.

    Query parameters become ``OPTIONS``; those made of digits become integers.
    """
    expected = "sqlite:///path or mysql://user:password@host:3306/name"
    url = _url(name, default, MYSQL_SCHEMES | {"sqlite"}, expected)
    path = unquote(url.path)[1:]
    if url.scheme == "sqlite":
        if url.netloc or not path:
            raise _wrong(name, _without_password(url), expected)
        return {"ENGINE": "core.db.sqlite", "NAME": path, "OPTIONS": {}}
    if not path or "/" in path:
        raise _wrong(name, _without_password(url), f"a database name: {expected}")
    return {
        "ENGINE": "core.db.mysql",
        "NAME": path,
        "USER": unquote(url.username or ""),
        "PASSWORD": unquote(url.password or ""),
        "HOST": url.hostname or "",
        "PORT": url.port or "",
        "OPTIONS": {
            key: int(value) if value.isascii() and value.isdigit() else value
            for key, value in parse_qsl(url.query)
        },
    }


def redis_url(name: str) -> str:
    """Read a Redis address; empty when unset."""
    expected = "redis://[:password@]host:6379/0 or rediss://… with TLS"
    if not text(name):
        return ""
    url = _url(name, "", {"redis", "rediss"}, expected)
    number = url.path.strip("/")
    if not url.hostname or (number and not number.isdecimal()):
        raise _wrong(name, _without_password(url), expected)
    return url._replace(path=f"/{number or 0}").geturl()


def email(name: str, default: str) -> dict[str, Any]:
    """Read Django's ``EMAIL_*`` settings from a URL."""
    expected = "consolemail://, filemail:///folder or smtp+tls://user:password@host:587"
    url = _url(name, default, EMAIL_SCHEMES, expected)
    kind, _, encryption = url.scheme.partition("+")
    if kind == "filemail":
        return {
            "EMAIL_BACKEND": "django.core.mail.backends.filebased.EmailBackend",
            "EMAIL_FILE_PATH": unquote(url.path),
        }
    if kind != "smtp":
        backend = kind.removesuffix("mail")
        return {"EMAIL_BACKEND": f"django.core.mail.backends.{backend}.EmailBackend"}
    if not url.hostname:
        raise _wrong(name, _without_password(url), expected)
    return {
        "EMAIL_BACKEND": "django.core.mail.backends.smtp.EmailBackend",
        "EMAIL_HOST": url.hostname,
        "EMAIL_PORT": url.port or {"tls": 587, "ssl": 465}.get(encryption, 25),
        "EMAIL_HOST_USER": unquote(url.username or ""),
        "EMAIL_HOST_PASSWORD": unquote(url.password or ""),
        "EMAIL_USE_TLS": encryption == "tls",
        "EMAIL_USE_SSL": encryption == "ssl",
        "EMAIL_TIMEOUT": 10,
    }


def sms(name: str, default: str) -> tuple[str, str, str]:
    """Read an outlet for SMS from a short name, a URL or the path of a class.

    Gives that path, the file it writes to and the address it posts to, or "".
    """
    expected = (
        "console, dummy, file:///path, webhook+https://host/path or the dotted path "
        "of a class"
    )
    value = text(name, default)
    if DOTTED_PATH.fullmatch(value):
        return value, "", ""
    url = _split(
        name, f"{value}:" if value in SMS_SCHEMES else value, SMS_SCHEMES, expected
    )
    kind, _, protocol = url.scheme.partition("+")
    backend = f"core.messaging.backends.{kind}.SMSBackend"
    is_webhook, is_file = kind == "webhook", kind == "file"
    if is_webhook and url.hostname and "@" not in url.netloc:
        return backend, "", url._replace(scheme=protocol).geturl()
    if is_webhook or url.netloc or is_file != bool(url.path.strip("/")):
        raise _wrong(name, _without_password(url), expected)
    return backend, unquote(url.path) if is_file else "", ""


def _url(name: str, default: str, schemes: set[str], expected: str) -> SplitResult:
    return _split(name, text(name, default), schemes, expected)


def _split(name: str, value: str, schemes: set[str], expected: str) -> SplitResult:
    try:
        url = urlsplit(value)
        url.port  # noqa: B018 (raises for a port that is no number)
    except ValueError as error:
        raise ImproperlyConfigured(f"{name}: {error}; expected {expected}.") from None
    if url.scheme not in schemes:
        raise _wrong(name, _without_password(url), expected)
    return url


def _without_password(url: SplitResult) -> str:
    if "@" not in url.netloc:
        return url.geturl()
    return url._replace(netloc="***@" + url.netloc.rpartition("@")[2]).geturl()


def _wrong(name: str, value: str, expected: str) -> ImproperlyConfigured:
    return ImproperlyConfigured(f"{name}={value!r}: expected {expected}.")

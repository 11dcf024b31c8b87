import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from config import env

ROOT = Path(__file__).parents[2]


@pytest.fixture
def variable(monkeypatch):
    """Set X for the reader under test."""
    return lambda value: monkeypatch.setenv("X", value)


def sentence(reader, *args, **kwargs):
    with pytest.raises(ImproperlyConfigured) as caught:
        reader("X", *args, **kwargs)
    return str(caught.value)


@pytest.mark.parametrize(
    ("value", "expected"), [("1", True), ("Yes", True), ("off", False), (" ", True)]
)
def test_boolean(variable, value, expected):
    variable(value)

    assert env.boolean("X", default=True) is expected


def test_boolean_refuses_other_words(variable):
    variable("maybe")

    assert sentence(env.boolean, default=True) == (
        "X='maybe': expected one of 1, true, yes, on, 0, false, no, off."
    )


@pytest.mark.parametrize("value", ["5m", "-1", "1.5", "٣"])
def test_integer_refuses_what_is_no_number(variable, value):
    variable(value)

    assert sentence(env.integer, 300, unit="seconds") == (
        f"X={value!r}: expected a whole number of seconds, 0 or more."
    )


def test_secret_that_is_not_required_may_be_missing(variable):
    variable("")

    assert env.secret("X", required=False) == ""


def test_secret_may_come_from_a_file(variable, monkeypatch, tmp_path):
    file = tmp_path / "secret"
    file.write_text("hidden\n")
    monkeypatch.setenv("X_FILE", str(file))

    assert env.secret("X") == "hidden"


def test_missing_secret_file_is_named(monkeypatch):
    monkeypatch.setenv("X_FILE", "/nowhere")

    assert sentence(env.secret) == (
        "X_FILE='/nowhere': expected a readable file (No such file or directory)."
    )


@pytest.mark.parametrize("value", ["[1]", "{", "x"])
def test_json_object_refuses_other_values(variable, value):
    variable(value)

    assert sentence(env.json_object).startswith(f"X={value!r}: expected a JSON object")


@pytest.mark.parametrize(
    "url",
    [
        "mysql://u:p%40%2B+@db.example:3307/ink?read_timeout=5&charset=utf8mb4",
        "mysql+pymysql://u:p%40%2B+@db.example:3307/ink?read_timeout=5&charset=utf8mb4",
    ],
)
def test_database_understands_django_and_sqlalchemy_urls(variable, url):
    variable(url)

    settings = env.database("X", "")

    assert settings["ENGINE"] == "core.db.mysql"
    assert settings["NAME"] == "ink"
    assert settings["USER"] == "u"
    assert settings["PASSWORD"] == "p@++"
    assert settings["HOST"] == "db.example"
    assert settings["PORT"] == 3307
    assert settings["OPTIONS"]["read_timeout"] == 5
    assert settings["OPTIONS"]["charset"] == "utf8mb4"


@pytest.mark.parametrize(
    ("value", "is_terminal", "expected"),
    [
        ("", True, "text"),
        ("", False, "json"),
        ("auto", False, "json"),
        ("text", False, "text"),
        ("json", True, "json"),
    ],
)
def test_log_format(variable, monkeypatch, value, is_terminal, expected):
    variable(value)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: is_terminal)

    assert env.log_format("X") == expected


def test_log_format_refuses_other_words(variable):
    variable("xml")

    assert sentence(env.log_format) == "X='xml': expected one of auto, text, json."


def test_database_defaults_to_a_file():
    settings = env.database("X", "sqlite:////var/ink+stone.sqlite3")

    assert settings["ENGINE"] == "core.db.sqlite"
    assert settings["NAME"] == "/var/ink+stone.sqlite3"


@pytest.mark.parametrize(
    "url",
    [
        "postgres://u:secret@h/db",
        "mysql://u:secret@h",
        "mysql://u:secret@h/a/b",
        "mysql://u:secret@h:port/db",
        "sqlite://relative.db",
        "sqlite://",
        "nonsense",
    ],
)
def test_database_refuses_other_urls_without_showing_the_password(variable, url):
    variable(url)

    message = sentence(env.database, "")

    assert message.startswith("X")
    assert "expected" in message
    assert "mysql://user:password@host:3306/name" in message
    assert "secret" not in message


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("redis://:pw@h:6380/2", "redis://:pw@h:6380/2"),
        ("redis://h", "redis://h/0"),
        ("rediss://h/", "rediss://h/0"),
    ],
)
def test_redis_url(variable, url, expected):
    variable(url)

    assert env.redis_url("X") == expected


@pytest.mark.parametrize("url", ["http://h", "redis://", "redis://:secret@h/x", "h:1"])
def test_redis_url_refuses_other_values(variable, url):
    variable(url)

    message = sentence(env.redis_url)

    assert "expected redis://" in message
    assert "secret" not in message


def test_email_reads_host_and_encryption(variable):
    variable("smtp+tls://me%40example.com:secret@mail.example")

    settings = env.email("X", "")

    assert settings["EMAIL_HOST"] == "mail.example"
    assert settings["EMAIL_PORT"] == 587
    assert settings["EMAIL_HOST_USER"] == "me@example.com"
    assert settings["EMAIL_USE_TLS"] is True
    assert settings["EMAIL_USE_SSL"] is False


@pytest.mark.parametrize("url", ["gmail", "smtp://", "http://h"])
def test_email_refuses_other_values(variable, url):
    variable(url)

    assert "expected consolemail://" in sentence(env.email, "")


PACKAGE = "core.messaging.backends"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("", (f"{PACKAGE}.console.SMSBackend", "", "")),
        ("dummy", (f"{PACKAGE}.dummy.SMSBackend", "", "")),
        ("locmem://", (f"{PACKAGE}.locmem.SMSBackend", "", "")),
        ("file:///var/a%20b", (f"{PACKAGE}.file.SMSBackend", "/var/a b", "")),
        (
            "webhook+https://h:8443/sms?key=1",
            (f"{PACKAGE}.webhook.SMSBackend", "", "https://h:8443/sms?key=1"),
        ),
        ("shop.sms.AcmeBackend", ("shop.sms.AcmeBackend", "", "")),
    ],
)
def test_sms_understands_names_urls_and_classes(variable, value, expected):
    variable(value)

    assert env.sms("X", "console") == expected


@pytest.mark.parametrize(
    "value",
    [
        "twilio",
        "console://host",
        "file://",
        "file://relative",
        "webhook+https://",
        "webhook+https://me:secret@h/",
        "https://h/",
    ],
)
def test_sms_refuses_other_values(variable, value):
    variable(value)

    message = sentence(env.sms, "console")

    assert "expected console, dummy, file:///path, webhook+https://" in message
    assert "secret" not in message


def test_webhook_needs_a_secret():
    result = start(SMS_BACKEND="webhook+https://h/sms")

    assert result.stderr.startswith(
        "Configuration error: SMS_WEBHOOK_SECRET is not set"
    )


def start(*command, **variables):
    """Run ``manage.py check`` as a user would, with these variables alone."""
    clean = {"PATH": os.environ["PATH"], "ENV_FILE": os.devnull}
    clean |= {"SECRET_KEY": "x", "DEBUG": "0"}
    return subprocess.run(
        [sys.executable, "manage.py", *(command or ["check"])],
        cwd=ROOT,
        env={key: value for key, value in (clean | variables).items() if value},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize(
    ("variables", "begin"),
    [
        ({"SECRET_KEY": ""}, "SECRET_KEY is not set: expected"),
        ({"DEBUG": "maybe"}, "DEBUG='maybe': expected"),
        ({"DATABASE_URL": "oracle://h/x"}, "DATABASE_URL='oracle://h/x': expected"),
        ({"DATABASE_POOL": "10"}, "DATABASE_POOL='10': expected a JSON object"),
        (
            {"DATABASE_POOL": '{"timeout": 5}'},
            "DATABASE_POOL={'timeout': 5}: expected no value",
        ),
        ({"REDIS_URL": "http://h"}, "REDIS_URL='http://h': expected"),
        ({"EMAIL_URL": "gmail"}, "EMAIL_URL='gmail': expected"),
        ({"SMS_BACKEND": "twilio"}, "SMS_BACKEND='twilio': expected console, dummy"),
        ({"MESSAGES_DELIVERY": "x"}, "MESSAGES_DELIVERY='x': expected one of in_proc"),
        ({"LANGUAGE_CODE": "fr"}, "LANGUAGE_CODE='fr': expected one of en, zh-hans"),
        ({"TIME_ZONE": "Mars"}, "TIME_ZONE='Mars': expected a time zone name"),
    ],
)
def test_wrong_value_stops_start_up_with_one_sentence(variables, begin):
    result = start(**variables)

    assert result.returncode == 1
    assert result.stderr.startswith(f"Configuration error: {begin}")
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({}, {"pool": True, "read_timeout": 60, "write_timeout": 60}),
        ({"DATABASE_POOL": "{}"}, {"pool": True}),
        ({"DATABASE_POOL": '{"timeout": 5}'}, {"pool": {"timeout": 5}}),
        (
            {"DATABASE_URL": "mysql://u@h/n?pool=0&read_timeout=90"},
            {"pool": 0, "read_timeout": 90},
        ),
    ],
)
def test_mysql_is_pooled_and_waits_for_no_answer_for_ever(variables, expected):
    script = (
        "import json; from django.conf import settings; "
        "print(json.dumps(settings.DATABASES['default']['OPTIONS']))"
    )
    command = "shell", "--no-imports", "-c", script

    result = start(*command, **{"DATABASE_URL": "mysql://u@h/n"} | variables)

    assert expected.items() <= json.loads(result.stdout).items(), result.stderr


def test_starts_with_nothing_set():
    result = start(SECRET_KEY="", DEBUG="")

    assert result.returncode == 0, result.stderr


def test_every_variable_is_listed_in_the_example():
    import re

    source = (ROOT / "config" / "settings.py").read_text(encoding="utf-8")
    used = set(re.findall(r'env\.\w+\(\s*"([A-Z_]+)"', source))
    listed = set(
        re.findall(r"^#?\s?([A-Z_]+)=", (ROOT / ".env.example").read_text(), re.M)
    )

    assert used <= listed
    assert len(used) > 10

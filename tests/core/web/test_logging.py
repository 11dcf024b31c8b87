import json
import logging
import sys

import pytest

from core.web.logging import JsonFormatter, TextFormatter, without_personal_data


def record(message="hello", *args, exc_info=None, **extra):
    made = logging.getLogger("shop").makeRecord(
        "shop", logging.INFO, "shop.py", 1, message, args, exc_info, extra=extra
    )
    return made


def failure(message):
    try:
        raise LookupError(message)
    except LookupError:
        return sys.exc_info()


def as_json(made):
    line = JsonFormatter().format(made)
    assert "\n" not in line
    return json.loads(line)


def test_line_for_programs_is_one_object():
    line = as_json(record("%s sold", "ink", request_id="abc", pieces=3))

    assert line.pop("time").endswith("+00:00")
    assert line == {
        "level": "INFO",
        "logger": "shop",
        "message": "ink sold",
        "request_id": "abc",
        "pieces": 3,
    }


@pytest.mark.parametrize(
    "text", ["砚台 “ink”", "two\nlines", "\\", "\x00\x1b[31m", "\u2028"]
)
def test_line_is_valid_whatever_the_message(text):
    assert as_json(record(text))["message"] == text


def test_traceback_is_one_field():
    line = as_json(record(exc_info=failure("砚")))

    assert line["exception"].startswith("Traceback")
    assert line["exception"].endswith("LookupError: 砚")


def test_objects_among_the_extras_are_left_out(rf):
    line = as_json(
        record(request=rf.post("/", {"password": "secret"}), status_code=404)
    )

    assert line["status_code"] == 404
    assert "request" not in line


def test_line_for_people():
    line = TextFormatter().format(record("%s sold", "ink", request_id="abc"))

    assert line.endswith(" INFO shop [abc]: ink sold")


def test_line_without_a_request_says_so():
    assert " [-]: hello" in TextFormatter().format(record())


def test_line_for_people_cannot_be_forged():
    line = TextFormatter().format(record("/x\n2026-11-21 ERROR\x1b[2J\u2028"))

    assert r"/x\n2026-11-21 ERROR\x1b[2J\u2028" in line
    assert len(line.splitlines()) == 1


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "Duplicate entry 'mei.lin+x@mail.example.com' for key",
            "Duplicate entry '[e-mail]' for key",
        ),
        ("/users/mei%40a.example/", "/users/[e-mail]/"),
        ("<mei@a.example>, lin@a.example;", "<[e-mail]>, [e-mail];"),
        ("sent to +8613800138000.", "sent to [telephone]."),
        ("GET /search/?q=mei&page=2 HTTP/1.1", "GET /search/?[query] HTTP/1.1"),
        ('"https://a.example/x?token=abc"', '"https://a.example/x?[query]"'),
        ("what? nothing", "what? nothing"),
        ("1+1234567 rows, root@localhost", "1+1234567 rows, root@localhost"),
    ],
)
def test_personal_data_is_blotted_out(text, expected):
    assert without_personal_data(text) == expected


@pytest.mark.parametrize("formatter", [TextFormatter(), JsonFormatter()])
def test_neither_message_nor_extra_nor_traceback_is_personal(formatter):
    made = record(
        "%s", "mei@a.example", exc_info=failure("mei@a.example"), to="mei@a.example"
    )

    assert "mei@" not in formatter.format(made)

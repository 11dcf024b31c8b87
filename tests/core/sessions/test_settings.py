"""Wrong settings are named; checks find what cannot work."""

import re
from datetime import timedelta

import pytest
from django.conf import settings as site
from django.core.exceptions import ImproperlyConfigured

from core.sessions.checks import check_middleware, check_serializer
from core.sessions.ids import is_possible, make_id
from core.sessions.options import options


def test_defaults_are_those_of_the_documentation():
    chosen = options()

    assert chosen.key_prefix == "session:"
    assert chosen.use_signer is False
    assert chosen.is_permanent is True
    assert chosen.lifetime_s == 14 * 24 * 3600
    assert chosen.id_length == 32
    assert chosen.is_sliding is True
    assert chosen.touch_s == 300


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("SESSION_KEY_PREFIX", b"s:", "expected a string"),
        ("SESSION_USE_SIGNER", "yes", "expected True or False"),
        ("SESSION_PERMANENT", 1, "expected True or False"),
        ("SESSION_EXPIRE_AT_BROWSER_CLOSE", None, "expected True or False"),
        ("PERMANENT_SESSION_LIFETIME", "31 d", "expected a positive number of seconds"),
        ("PERMANENT_SESSION_LIFETIME", timedelta(0), "expected a positive number"),
        ("SESSION_COOKIE_AGE", -1, "expected a positive number of seconds"),
        ("SESSION_ID_LENGTH", 8, "expected a number of bytes from 16 to 128"),
        ("SESSION_ID_LENGTH", "32", "expected a number of bytes from 16 to 128"),
        ("SESSION_REFRESH_EACH_REQUEST", "no", "expected True or False"),
        ("SESSION_TOUCH_S", -1, "expected a number of seconds, 0 for every request"),
        ("SESSION_TOUCH_S", True, "expected a number of seconds"),
    ],
)
def test_wrong_value_is_named(settings, name, value, expected):
    setattr(settings, name, value)

    with pytest.raises(ImproperlyConfigured) as refused:
        options()

    assert str(refused.value).startswith(f"{name} is {value!r}: {expected}")


@pytest.mark.parametrize(
    ("flask", "django"),
    [
        ({"PERMANENT_SESSION_LIFETIME": 60}, {"SESSION_COOKIE_AGE": 61}),
        ({"SESSION_PERMANENT": True}, {"SESSION_EXPIRE_AT_BROWSER_CLOSE": True}),
    ],
)
def test_two_names_that_contradict_each_other_are_refused(settings, flask, django):
    for name, value in (flask | django).items():
        setattr(settings, name, value)

    with pytest.raises(ImproperlyConfigured, match="expected one of the two alone"):
        options()


def test_two_names_may_say_the_same(settings):
    settings.PERMANENT_SESSION_LIFETIME = timedelta(minutes=1)
    settings.SESSION_COOKIE_AGE = 60

    assert options().lifetime_s == 60


def test_djangos_names_alone_are_enough(settings):
    settings.SESSION_COOKIE_AGE = 60
    settings.SESSION_EXPIRE_AT_BROWSER_CLOSE = True

    assert options().lifetime_s == 60
    assert options().is_permanent is False


@pytest.mark.parametrize(("length", "letters"), [(16, 22), (32, 43), (128, 171)])
def test_length_of_ids_is_that_of_the_setting(settings, length, letters):
    settings.SESSION_ID_LENGTH = length

    made = make_id()

    assert len(made) == letters
    assert is_possible(made)


def test_ids_stay_good_when_the_length_is_changed(settings):
    made = make_id()

    settings.SESSION_ID_LENGTH = 64

    assert is_possible(made)


def test_ids_are_all_different():
    assert len({make_id() for _ in range(1000)}) == 1000


class PickleSerializer:
    pass


def test_check_refuses_what_is_not_json(settings):
    assert check_serializer() == []

    settings.SESSION_SERIALIZER = f"{__name__}.PickleSerializer"

    (error,) = check_serializer()
    assert error.id == "core.sessions.E001"
    assert "PickleSerializer" in error.msg


def test_check_misses_the_middleware(settings):
    assert check_middleware() == []

    settings.MIDDLEWARE = ["django.contrib.sessions.middleware.SessionMiddleware"]

    (warning,) = check_middleware()
    assert warning.id == "core.sessions.W002"


def test_checks_leave_other_engines_alone(settings):
    settings.SESSION_ENGINE = "django.contrib.sessions.backends.db"
    settings.SESSION_SERIALIZER = f"{__name__}.PickleSerializer"
    settings.MIDDLEWARE = []

    assert check_serializer() + check_middleware() == []


def test_documentation_has_every_setting_with_its_default():
    table = (site.BASE_DIR / "docs/sessions.md").read_text().split("## Settings")[1]
    documented = dict(
        re.findall(r"^\| `(\w+)` \| `?([^|`]+?)`? \|", table, re.MULTILINE)
    )

    assert documented == {
        "SESSION_KEY_PREFIX": '"session:"',
        "SESSION_USE_SIGNER": "False",
        "SESSION_PERMANENT": "True",
        "PERMANENT_SESSION_LIFETIME": "14 days",
        "SESSION_ID_LENGTH": "32",
        "SESSION_REFRESH_EACH_REQUEST": "True",
        "SESSION_TOUCH_S": "300",
    }

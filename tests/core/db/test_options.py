import math
from collections import OrderedDict

import pytest
from django.core.exceptions import ImproperlyConfigured
from hypothesis import given
from hypothesis import strategies as st

from core.db.mysql.base import pool_options
from core.db.mysql.options import ALIASES, KNOWN, PoolOptions
from core.db.mysql.options import POSITIVE_SECONDS as POSITIVE
from core.db.mysql.options import SECONDS as NOT_NEGATIVE

COUNT = "a whole number, 0 or more"
SECONDS = "a number of seconds, 0 or more"
MORE = "a number of seconds, more than 0"
SWITCH = "True or False"
PING = (
    "0 or 1; to ask before a cursor or a query (2, 4, 7) would reconnect inside "
    "transactions"
)
STATEMENTS = "a list of SQL statements"
DBUTILS = {
    "maxconnections": 2,
    "mincached": 1,
    "maxcached": 0,
    "maxshared": 3,
    "blocking": True,
    "maxusage": None,
    "setsession": [],
    "ping": 0,
}
"""The dictionaries that DBUtils is usually shown with, without the address."""
DBUTILS_LARGER = DBUTILS | {"maxconnections": 6, "mincached": 2, "maxcached": 5}


def parse(options):
    return PoolOptions.parse(options, alias="db")


def sentence(options):
    with pytest.raises(ImproperlyConfigured) as caught:
        parse(options)
    return str(caught.value)


# What is accepted


def test_true_gives_the_defaults():
    options = parse(True)

    assert options == PoolOptions(name="db")
    assert options.maxconnections == 10
    assert options.timeout == 10
    assert options.blocking is True
    assert options.warnings == ()


def test_every_mapping_is_a_dictionary():
    assert parse(OrderedDict(maxconnections=3)).maxconnections == 3


@pytest.mark.parametrize(
    ("option", "value", "expected"),
    [
        ("maxconnections", 0, 0),
        ("maxconnections", None, 0),
        ("mincached", 3, 3),
        ("maxcached", 4, 4),
        ("maxshared", 3, 3),
        ("maxusage", None, 0),
        ("maxusage", 1000, 1000),
        ("blocking", False, False),
        ("blocking", 0, False),
        ("blocking", None, False),
        ("reset", True, True),
        ("setsession", ["SET @a = 1"], ("SET @a = 1",)),
        ("setsession", ("SET @a = 1",), ("SET @a = 1",)),
        ("setsession", None, ()),
        ("ping", 0, 0),
        ("ping", None, 0),
        ("ping", 1, 1),
        ("timeout", 0.5, 0.5),
        ("max_waiting", 7, 7),
        ("max_lifetime", 0, 0),
        ("max_lifetime", None, 0),
        ("max_idle", 60, 60),
        ("ping_idle", 0.1, 0.1),
        ("validation_timeout", 1, 1),
        ("max_connecting", 1, 1),
        ("leak_after", 30, 30),
        ("name", "site", "site"),
    ],
)
def test_accepts(option, value, expected):
    assert getattr(parse({option: value}), option) == expected


def test_every_option_is_tested():
    accepted = {case[0] for case in test_accepts.pytestmark[0].args[1]}
    refused = {case[0] for case in test_refuses.pytestmark[0].args[1]}

    assert accepted == refused == KNOWN


@pytest.mark.parametrize("dictionary", [DBUTILS, DBUTILS_LARGER])
def test_option_without_effect_is_named(dictionary):
    (warning,) = parse(dictionary).warnings

    assert warning == (
        "maxshared=3 is without effect: connections of PyMySQL (threadsafety 1) cannot "
        "be shared by threads."
    )


# What is refused


@pytest.mark.parametrize(
    ("option", "value", "expected"),
    [
        ("maxconnections", -1, COUNT),
        ("maxconnections", "10", COUNT),
        ("maxconnections", 1.5, COUNT),
        ("maxconnections", True, COUNT),
        ("mincached", -1, COUNT),
        ("maxcached", [], COUNT),
        ("maxshared", -3, COUNT),
        ("maxusage", "many", COUNT),
        ("blocking", "yes", SWITCH),
        ("reset", 2, SWITCH),
        ("setsession", "SET @a = 1", STATEMENTS),
        ("setsession", [1], STATEMENTS),
        ("ping", 2, PING),
        ("ping", 4, PING),
        ("ping", 7, PING),
        ("ping", "1", PING),
        ("timeout", 0, MORE),
        ("timeout", None, MORE),
        ("timeout", "10s", MORE),
        ("timeout", True, MORE),
        ("timeout", math.nan, MORE),
        ("timeout", math.inf, MORE),
        ("timeout", 10**400, MORE),
        ("max_waiting", -1, COUNT),
        ("max_lifetime", -1, SECONDS),
        ("max_idle", "5m", SECONDS),
        ("max_idle", math.inf, SECONDS),
        ("ping_idle", -0.1, SECONDS),
        ("validation_timeout", 0, MORE),
        ("max_connecting", 0, "a whole number, 1 or more"),
        ("max_connecting", None, "a whole number, 1 or more"),
        ("leak_after", False, SECONDS),
        ("name", "", "a text"),
        ("name", 1, "a text"),
    ],
)
def test_refuses(option, value, expected):
    assert sentence({option: value}) == (
        f'DATABASES["db"]["OPTIONS"]["pool"]["{option}"] is {value!r}: expected '
        f"{expected}."
    )


@pytest.mark.parametrize("value", [10, "true", ["maxconnections"], None, False])
def test_refuses_what_is_no_dictionary(value):
    assert sentence(value) == (
        f'DATABASES["db"]["OPTIONS"]["pool"] is {value!r}: expected True, False or a '
        "dictionary of options."
    )


@pytest.mark.parametrize("option", ["maxconnection", "MAXCONNECTIONS", "creator", ""])
def test_refuses_unknown_options_and_lists_the_known(option):
    message = sentence({option: 5, "timeout": 1})

    assert message.startswith(
        f'DATABASES["db"]["OPTIONS"]["pool"]["{option}"] is 5: expected one of the '
        "options blocking, leak_after, max_connecting, max_idle, "
    )
    assert all(f" {name}" in message for name in KNOWN | ALIASES)


def test_refuses_options_that_are_no_texts():
    assert sentence({0: 5}).startswith('DATABASES["db"]["OPTIONS"]["pool"]["0"] is 5')


@pytest.mark.parametrize("option", ["mincached", "maxcached"])
def test_refuses_more_idle_connections_than_there_may_be(option):
    assert sentence({"maxconnections": 5, option: 6}) == (
        f'DATABASES["db"]["OPTIONS"]["pool"]["{option}"] is 6: expected at most '
        "maxconnections (5)."
    )


@pytest.mark.parametrize("option", ["mincached", "maxcached"])
def test_allows_any_number_of_idle_connections_without_a_limit(option):
    assert getattr(parse({"maxconnections": 0, option: 60}), option) == 60


# SQLAlchemy's names


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"pool_size": 5}, {"maxconnections": 5, "maxcached": 5}),
        (
            {"pool_size": 5, "max_overflow": 10},
            {"maxconnections": 15, "maxcached": 5},
        ),
        (
            {"pool_size": 5, "max_overflow": -1},
            {"maxconnections": 0, "maxcached": 5},
        ),
        ({"pool_size": 0}, {"maxconnections": 0, "maxcached": 0}),
        ({"pool_timeout": 30}, {"timeout": 30}),
        ({"pool_recycle": 3600}, {"max_lifetime": 3600}),
        ({"pool_recycle": -1}, {"max_lifetime": 0}),
    ],
)
def test_understands_the_names_of_sqlalchemy(given, expected):
    assert parse(given) == PoolOptions(name="db", **expected)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"pool_size": "5"}, "[\"pool_size\"] is '5': expected a whole number, -1 for"),
        ({"max_overflow": 5}, '["max_overflow"] is 5: expected pool_size with it.'),
        ({"pool_timeout": 0}, '["timeout"] is 0: expected a number of seconds, more'),
        (
            {"pool_size": 5, "maxconnections": 9},
            '["maxconnections"] is 9: expected either it or pool_size, not both.',
        ),
        (
            {"pool_recycle": 5, "max_lifetime": 9},
            '["max_lifetime"] is 9: expected either it or pool_recycle, not both.',
        ),
    ],
)
def test_refuses_wrong_values_under_the_names_of_sqlalchemy(given, expected):
    assert expected in sentence(given)


# Together with Django's own settings


def settings(pool=True, **overrides):
    return {"OPTIONS": {"pool": pool}, "CONN_MAX_AGE": 0} | overrides


@pytest.mark.parametrize("age", [60, None])
def test_refuses_persistent_connections_besides(age):
    with pytest.raises(ImproperlyConfigured) as caught:
        pool_options("db", settings(CONN_MAX_AGE=age))

    assert str(caught.value) == (
        f'DATABASES["db"]["CONN_MAX_AGE"] is {age!r}: expected 0, because the pool '
        "keeps the connections."
    )


@pytest.mark.parametrize("pool", [True, {"maxconnections": 3}])
def test_health_checks_ask_at_every_request(pool):
    assert pool_options("db", settings(pool, CONN_HEALTH_CHECKS=True)).ping_idle == 0


def test_health_checks_leave_an_explicit_limit():
    given = settings({"ping_idle": 3}, CONN_HEALTH_CHECKS=True)

    assert pool_options("db", given).ping_idle == 3


# On a real server


@pytest.mark.parametrize("dictionary", [DBUTILS, DBUTILS_LARGER])
def test_dictionary_of_dbutils_builds_a_working_pool(use_mysql, dictionary):
    connection = use_mysql(pool=dictionary, charset="utf8")

    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")

    stats = connection.pool.stats()
    assert stats["pool_max"] == dictionary["maxconnections"]
    assert stats["pool_size"] == dictionary["mincached"]


def test_statements_of_setsession_precede_every_session(use_mysql):
    statements = ["SET SESSION group_concat_max_len = 4321", "SET @greeting = 'hello'"]
    connection = use_mysql(pool={"setsession": statements})

    for _ in range(2):
        with connection.cursor() as cursor:
            cursor.execute("SELECT @@group_concat_max_len, @greeting")
            assert cursor.fetchone() == (4321, "hello")
            cursor.execute("SET @greeting = 'changed'")
        connection.close()


# Whatever is given

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.binary()
    | st.decimals(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)
OPTIONS = st.dictionaries(
    st.sampled_from(sorted(KNOWN | ALIASES)) | st.text() | st.integers(), VALUES
)


@given(OPTIONS | VALUES)
def test_raises_nothing_but_improperly_configured(options):
    try:
        parsed = parse(options)
    except ImproperlyConfigured as error:
        assert str(error).startswith('DATABASES["db"]["OPTIONS"]["pool"]')
    else:
        numbers = [v for v in vars(parsed).values() if isinstance(v, int | float)]
        assert all(0 <= number < math.inf for number in numbers)
        assert max(getattr(parsed, name) for name in NOT_NEGATIVE | POSITIVE) <= 10**9

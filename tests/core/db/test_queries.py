import pytest
from django.db import DatabaseError, connections, transaction

from core.db.queries import fetch_all


@pytest.fixture(autouse=True)
def rows(database):
    fetch_all("INSERT INTO noted VALUES (%s), (%s)", [1, 2])


def test_gives_rows_as_tuples():
    assert fetch_all("SELECT a, a + 1 FROM noted ORDER BY a") == [(1, 2), (2, 3)]


def test_gives_rows_as_dictionaries():
    found = fetch_all("SELECT a AS number FROM noted ORDER BY a", as_dict=True)

    assert found == [{"number": 1}, {"number": 2}]


@pytest.mark.parametrize(
    ("sql", "params"),
    [
        ("SELECT a FROM noted WHERE a = %s", [2]),
        ("SELECT a FROM noted WHERE a = %s", (2,)),
        ("SELECT a FROM noted WHERE a = %(number)s", {"number": 2}),
    ],
)
def test_placeholders_are_the_same_on_every_database(sql, params):
    assert fetch_all(sql, params) == [(2,)]


def test_parameter_never_becomes_sql():
    value = "'; DROP TABLE noted; -- %s"

    assert fetch_all("SELECT %s", [value]) == [(value,)]


def test_percent_sign_stands_for_itself_without_parameters():
    assert fetch_all("SELECT '100%'") == [("100%",)]


@pytest.mark.parametrize("as_dict", [True, False])
def test_no_rows_are_an_empty_list(as_dict):
    assert fetch_all("SELECT a FROM noted WHERE a > 9", as_dict=as_dict) == []


def test_statement_without_rows_gives_an_empty_list():
    assert fetch_all("UPDATE noted SET a = 9", as_dict=True) == []


def test_sees_what_its_transaction_has_written():
    with transaction.atomic():
        fetch_all("DELETE FROM noted")

        assert fetch_all("SELECT a FROM noted") == []


def test_asks_the_database_that_is_named(use_database):
    other = {"ENGINE": "core.db.sqlite", "NAME": ":memory:"}
    use_database(other, alias="other")

    with pytest.raises(DatabaseError):
        fetch_all("SELECT a FROM noted", using="other")


def test_raises_what_django_raises():
    with pytest.raises(DatabaseError):
        fetch_all("SELECT nothing FROM nowhere")


def test_cursor_is_closed_whatever_happens(monkeypatch):
    closed = []
    connection = connections["default"]
    usual = connection.make_cursor

    def make_cursor(cursor):
        made = usual(cursor)
        close = made.close
        made.__dict__["close"] = lambda: (closed.append(1), close())
        return made

    monkeypatch.setattr(connection, "make_cursor", make_cursor)

    with pytest.raises(DatabaseError):
        fetch_all("SELECT nothing FROM nowhere")

    assert closed == [1]

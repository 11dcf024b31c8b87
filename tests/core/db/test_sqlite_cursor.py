import pytest
from django.db import connection

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif("connection.vendor != 'sqlite'", reason="SQLite alone"),
]


@pytest.fixture
def cursor():
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE numbers (id INTEGER PRIMARY KEY, n INTEGER)")
        yield cursor
        cursor.execute("DROP TABLE numbers")


INSERT = "INSERT INTO numbers (n) VALUES (1), (2), (3) RETURNING n"


def test_commit_does_not_wait_for_returned_rows_to_be_fetched(cursor):
    cursor.execute("BEGIN")
    cursor.execute(INSERT)

    connection.connection.commit()

    assert cursor.fetchall() == [(1,), (2,), (3,)]


def test_returned_rows_are_fetched_like_any(cursor):
    cursor.execute(INSERT)

    rows = [cursor.fetchone(), cursor.fetchmany(1), *cursor, cursor.fetchone()]

    assert rows == [(1,), [(2,)], (3,), None]


def test_next_statement_forgets_returned_rows(cursor):
    cursor.execute(INSERT)

    cursor.execute("SELECT 7")

    assert cursor.fetchall() == [(7,)]

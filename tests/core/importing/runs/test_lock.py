"""One import at a time into a table."""

import threading

import pytest
from django.db import connection, connections

from core.importing import ImportFailed, import_workbook
from core.importing.runs import lock
from core.importing.runs.lock import TableBusy, is_free, table_lock
from tests.core.importing.workbooks import save_workbook

pytestmark = pytest.mark.django_db(transaction=True)


def in_another_thread(function):
    """Run a function with a connection of its own, and give what it gave."""
    given = []

    def run():
        try:
            given.append(function(connections["default"]))
        finally:
            connections["default"].close()

    thread = threading.Thread(target=run)
    thread.start()
    thread.join(20)
    return given[0]


def take(other):
    try:
        with table_lock(other, "some_table"):
            return "taken"
    except TableBusy:
        return "busy"


def test_lock_is_held_by_one():
    with table_lock(connection, "some_table"):
        assert in_another_thread(take) == "busy"

    assert in_another_thread(take) == "taken"


def test_lock_is_free_again_after_a_failure():
    with pytest.raises(ZeroDivisionError), table_lock(connection, "some_table"):
        raise ZeroDivisionError

    assert in_another_thread(take) == "taken"


def test_whoever_asks_is_told_without_taking_it():
    assert is_free(connection, "some_table")
    with table_lock(connection, "some_table"):
        assert not in_another_thread(lambda other: is_free(other, "some_table"))
    assert is_free(connection, "some_table")


@pytest.mark.skipif("connection.vendor == 'sqlite'", reason="locks the whole database")
def test_other_tables_are_free_meanwhile():
    with table_lock(connection, "another_table"):
        assert in_another_thread(take) == "taken"


@pytest.mark.skipif("connection.vendor != 'sqlite'", reason="a file of SQLite's")
def test_no_file_is_left_behind():
    with table_lock(connection, "some_table"):
        path = lock._lock_file(connection)
        assert path.exists()

    assert not path.exists()


def test_names_of_any_length_fit():
    with table_lock(connection, "t" * 64):
        assert not in_another_thread(lambda other: is_free(other, "t" * 64))


def test_busy_table_is_told_in_a_sentence(tmp_path):
    path = save_workbook(tmp_path, [["name", "slug"], ["A", "a"]])

    def try_import(other):
        with pytest.raises(ImportFailed) as failure:
            import_workbook(path, "articles.Tag")
        return str(failure.value)

    with table_lock(connection, "articles_tag"):
        assert in_another_thread(try_import) == (
            "Another import into articles_tag is running; try again when it ends."
        )

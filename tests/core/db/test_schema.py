"""Changes of tables that take longer than ``read_timeout``."""

import threading
from contextlib import contextmanager

import pytest
from django.db import OperationalError

from tests.waiting import wait_until

READ_TIMEOUT = 0.3
CHANGE = "ALTER TABLE slow ADD COLUMN b INT"
WAITING = "SELECT MAX(time_ms) FROM information_schema.processlist WHERE info = %s"


@pytest.fixture
def table(mysql_server):
    """A table that a transaction of another connection has read."""
    with mysql_server.connect(database=mysql_server.database) as reader:
        cursor = reader.cursor()
        cursor.execute("CREATE OR REPLACE TABLE slow (a INT)")
        cursor.execute("SELECT * FROM slow")
        yield reader
        reader.rollback()
        cursor.execute("DROP TABLE slow")


@contextmanager
def released_after(milliseconds, reader, server):
    """End the reader's transaction once the change has waited for it so long."""

    def release():
        with server.connect(autocommit=True) as observer, observer.cursor() as cursor:

            def has_waited():
                cursor.execute(WAITING, [CHANGE])
                return (cursor.fetchone()[0] or 0) > milliseconds

            wait_until(has_waited)
            reader.rollback()

    thread = threading.Thread(target=release)
    thread.start()
    try:
        yield
    finally:
        thread.join()


@pytest.mark.parametrize("pool", [True, False])
def test_change_of_a_table_may_take_its_time(use_mysql, mysql_server, table, pool):
    connection = use_mysql(read_timeout=READ_TIMEOUT, pool=pool)

    with (
        released_after(2000 * READ_TIMEOUT, table, mysql_server),
        connection.schema_editor() as editor,
    ):
        editor.execute(CHANGE)

    with connection.cursor() as cursor:
        cursor.execute("SELECT b FROM slow")


@pytest.mark.parametrize("pool", [True, False])
def test_statements_after_it_may_not(use_mysql, pool):
    connection = use_mysql(read_timeout=READ_TIMEOUT, pool=pool)
    with connection.schema_editor() as editor:
        editor.execute("DO 1")

    with pytest.raises(OperationalError, match="timed out"), connection.cursor() as c:
        c.execute(f"SELECT SLEEP({3 * READ_TIMEOUT})")


def test_sqlmigrate_needs_no_server(use_mysql, mariadb_server):
    server = mariadb_server()
    connection = use_mysql(server=server)
    server.kill()

    with connection.schema_editor(collect_sql=True, atomic=False) as editor:
        editor.execute(CHANGE)

    assert editor.collected_sql == [f"{CHANGE};"]

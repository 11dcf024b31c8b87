import threading
from contextlib import suppress

import pytest
from django.db import IntegrityError, OperationalError, connections, transaction

from core.db.queries import fetch_all
from tests.core.db.conftest import sqlite_settings

WRITERS = 2


def pragma(name):
    ((value,),) = fetch_all(f"PRAGMA {name}")
    return value


@pytest.fixture
def use_sqlite(use_database, tmp_path):
    return lambda **options: use_database(sqlite_settings(tmp_path, **options))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("journal_mode", "wal"),
        ("synchronous", 1),  # NORMAL
        ("foreign_keys", 1),
        ("busy_timeout", 20_000),
    ],
)
def test_connection_is_set_up_for_a_site(use_sqlite, name, expected):
    use_sqlite()

    assert pragma(name) == expected


@pytest.mark.parametrize(
    ("option", "name", "expected"),
    [
        ({"timeout": 3}, "busy_timeout", 3_000),
        ({"init_command": "PRAGMA synchronous = FULL"}, "synchronous", 2),
    ],
)
def test_options_override_the_defaults(use_sqlite, option, name, expected):
    use_sqlite(**option)

    assert pragma(name) == expected


def test_foreign_keys_hold(use_sqlite):
    use_sqlite()
    fetch_all("CREATE TABLE parent (id INTEGER PRIMARY KEY)")
    fetch_all("CREATE TABLE child (parent INTEGER REFERENCES parent)")

    with pytest.raises(IntegrityError):
        fetch_all("INSERT INTO child VALUES (1)")


def test_reader_goes_on_while_another_writes(use_sqlite):
    use_sqlite()
    fetch_all("CREATE TABLE counter (value INT)")
    found = []

    def read():
        found.extend(fetch_all("SELECT COUNT(*) FROM counter"))
        connections.close_all()

    with transaction.atomic():
        fetch_all("INSERT INTO counter VALUES (1)")
        reader = threading.Thread(target=read)
        reader.start()
        reader.join()

    assert found == [(0,)]


class Race:
    """Two threads that each read a number and write the next one.

    If both may read before one writes, they do.
    """

    def __init__(self):
        fetch_all("CREATE TABLE counter (value INT)")
        fetch_all("INSERT INTO counter VALUES (0)")
        self.both_have_read = threading.Barrier(WRITERS)
        self.errors = []

    def run(self):
        threads = [threading.Thread(target=self.increment) for _ in range(WRITERS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        ((value,),) = fetch_all("SELECT value FROM counter")
        return value

    def increment(self):
        try:
            with transaction.atomic():
                ((value,),) = fetch_all("SELECT value FROM counter")
                self.meet()
                fetch_all("UPDATE counter SET value = %s", [value + 1])
        except OperationalError as error:
            self.errors.append(str(error))
        finally:
            connections.close_all()

    def meet(self):
        # Broken, if the other one has to wait with its BEGIN.
        with suppress(threading.BrokenBarrierError):
            self.both_have_read.wait(timeout=1)


def test_writers_that_read_first_wait_for_each_other(use_sqlite):
    use_sqlite()
    race = Race()

    value = race.run()

    assert race.errors == []
    assert value == WRITERS


def test_deferred_transactions_would_fail_half_way(use_sqlite):
    use_sqlite(transaction_mode="DEFERRED")
    race = Race()

    value = race.run()

    assert race.errors == ["database is locked"]
    assert value == WRITERS - 1

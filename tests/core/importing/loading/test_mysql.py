"""Bulk loading into MySQL."""

import pymysql
import pytest
from django.db import OperationalError, connection, connections, transaction

from articles.models import Article, Tag
from core.importing import ImportFailed, import_workbook
from core.importing.converting.fields import FieldConverter
from core.importing.loading import mysql
from core.importing.loading.connections import import_connection
from core.importing.loading.staging import Staging
from tests.core.importing.workbooks import save_workbook
from tests.waiting import wait_until

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif("connection.vendor != 'mysql'", reason="needs MySQL"),
]
HEADERS = ["name", "slug"]


@pytest.fixture
def loaded(monkeypatch):
    """Collect the tables that were loaded in bulk, and whether that was allowed."""
    found = []
    load = mysql.load

    def load_and_tell(connection, table, *args):
        found.append((table, load(connection, table, *args)))
        return found[-1][1]

    monkeypatch.setattr(mysql, "load", load_and_tell)
    return found


def test_rows_and_links_are_loaded_in_bulk(library, articles, loaded):
    import_workbook(articles({"tags": "python"}, extra=["tags"]), "articles.Article")

    assert loaded == [("core_importing_rows", True), ("core_importing_links_0", True)]
    assert [tag.slug for tag in Article.objects.get().tags.all()] == ["python"]


@pytest.mark.parametrize(
    "text",
    [
        "tab\there",
        "line\nbreak",
        "return\rhere",
        "back\\slash",
        "\\N",
        "\\",
        "nul\0here",
        "quotes ' and \"",
        "汉字，🀄",
        "100%",
        "a\\\tb\\\nc",
    ],
)
def test_texts_arrive_as_they_are(text):
    with import_connection("default") as own, own.cursor() as cursor:
        cursor.execute("CREATE TEMPORARY TABLE t (a TEXT, b TEXT, c TEXT)")
        assert mysql.can_load(own)
        mysql.load(own, "t", ["a", "b", "c"], [[(text, None, ""), (None, text, "x")]])
        cursor.execute("SELECT * FROM t")
        assert list(cursor.fetchall()) == [(text, None, ""), (None, text, "x")]


def test_import_within_a_transaction_loads_nothing_in_bulk(tmp_path, loaded):
    path = save_workbook(tmp_path, [HEADERS, ["A", "a"]])

    with transaction.atomic():
        import_workbook(path, "articles.Tag")

    assert loaded == []
    assert Tag.objects.count() == 1


def test_connections_of_the_pool_cannot_load_files():
    with connection.cursor() as cursor:
        cursor.execute("CREATE TEMPORARY TABLE t (a TEXT)")
        with pytest.raises(OperationalError):
            cursor.execute("LOAD DATA LOCAL INFILE '/etc/hostname' INTO TABLE t")


def test_server_that_asks_for_a_file_gets_none():
    """A statement of ours that the server answers with a request for a file."""
    with import_connection("default") as own, own.cursor() as cursor:
        cursor.execute("CREATE TEMPORARY TABLE t (a TEXT)")
        with pytest.raises((RuntimeError, OperationalError)):
            cursor.execute("LOAD DATA LOCAL INFILE '/etc/hostname' INTO TABLE t")


def test_server_that_asks_for_another_file_gets_the_rows():
    with import_connection("default") as own, own.cursor() as cursor:
        cursor.execute("CREATE TEMPORARY TABLE t (a TEXT)")
        own.connection.packets = iter([b"row\n"])
        cursor.execute("LOAD DATA LOCAL INFILE '/etc/hostname' INTO TABLE t")
        own.connection.packets = None
        cursor.execute("SELECT * FROM t")
        assert list(cursor.fetchall()) == [("row",)]


def test_connection_is_in_no_pool_and_goes_after_the_import():
    with import_connection("default") as own, own.cursor() as cursor:
        cursor.execute("SELECT CONNECTION_ID()")
        (number,) = cursor.fetchone()
        assert own.pool is None

    def is_gone():
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT 1 FROM information_schema.processlist WHERE id = %s", [number]
            )
            return cursor.fetchone() is None

    wait_until(is_gone)


def test_value_that_the_server_would_change_is_refused(tmp_path, monkeypatch):
    """Whatever a converter lets through by mistake must not be cut by LOAD DATA."""
    monkeypatch.setattr(FieldConverter, "converter", lambda *args: str.strip)
    path = save_workbook(tmp_path, [HEADERS, ["A", "a"], ["x" * 101, "b"]])

    with pytest.raises(ImportFailed) as failure:
        import_workbook(path, "articles.Tag")

    assert str(failure.value).splitlines() == [
        "articles.xlsx, sheet Articles: Data truncated for column 'name' at row 2",
        "articles.xlsx: 1 problem; nothing was written.",
    ]
    assert not Tag.objects.exists()


def test_lost_row_is_noticed(tmp_path, monkeypatch):
    fetch = Staging.fetch

    def one_less(self, sql, *args):
        found = fetch(self, sql, *args)
        return [(found[0][0] - 1,)] if sql.startswith("SELECT COUNT") else found

    monkeypatch.setattr(Staging, "fetch", one_less)
    path = save_workbook(tmp_path, [HEADERS, ["A", "a"], ["B", "b"]])

    with pytest.raises(ImportFailed, match="the database took 1 of 2 rows"):
        import_workbook(path, "articles.Tag")


def test_reader_that_fails_while_rows_are_sent(tmp_path, monkeypatch):
    def fail(rows):
        yield b"1\tA\ta\n"
        raise ZeroDivisionError

    monkeypatch.setattr(mysql, "packets", fail)
    path = save_workbook(tmp_path, [HEADERS, ["A", "a"]])

    with pytest.raises(ZeroDivisionError):
        import_workbook(path, "articles.Tag")

    assert not Tag.objects.exists()


@pytest.fixture
def strict_server(use_mysql, mariadb_server, django_db_blocker):
    """A server that allows no local data, with the site's tables."""
    from django.core.management import call_command

    use_mysql(server=mariadb_server(local_infile=0))
    call_command("migrate", verbosity=0)


def test_server_that_allows_no_local_data_gets_inserts(strict_server, tmp_path, loaded):
    rows = [[f"name {number}", f"slug-{number}"] for number in range(1_200)]
    path = save_workbook(tmp_path, [HEADERS, *rows])

    report = import_workbook(path, "articles.Tag")

    assert loaded == [("core_importing_rows", False)]
    assert report.counts.inserted == Tag.objects.count() == 1_200


def test_user_without_the_right_to_temporary_tables(strict_server, tmp_path):
    with connection.cursor() as cursor:
        cursor.execute("CREATE USER limited@'%' IDENTIFIED BY ''")
        cursor.execute(
            "GRANT SELECT, INSERT, UPDATE, DELETE ON inkstone.* TO limited@'%'"
        )
    connections["default"].close()
    settings = connections["default"].settings_dict
    settings["USER"] = "limited"
    path = save_workbook(tmp_path, [HEADERS, ["A", "a"]])

    with pytest.raises(ImportFailed, match="lacks the right CREATE TEMPORARY TABLES"):
        import_workbook(path, "articles.Tag")


def test_driver_that_is_another_gets_inserts(tmp_path, monkeypatch, loaded):
    monkeypatch.setattr(mysql, "can_load", lambda connection: False)
    path = save_workbook(tmp_path, [HEADERS, ["A\\\n", "a"]])

    import_workbook(path, "articles.Tag")

    assert loaded == []
    assert Tag.objects.get().name == "A\\"


def test_pymysql_still_reads_answers_as_expected():
    """``LoadingConnection`` overrides parts of PyMySQL that are not public."""
    assert hasattr(pymysql.connections.MySQLResult, "_read_load_local_packet")
    assert hasattr(pymysql.connections.Connection, "_read_query_result")

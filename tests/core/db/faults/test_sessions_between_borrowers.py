"""What one borrower leaves in a session is never seen by the next one."""

import pytest
from django.db import DatabaseError
from pymysql.constants import CLIENT
from pymysql.cursors import DictCursor, SSCursor, SSDictCursor

from core.db.mysql import driver
from tests.core.db.faults.harness import in_thread

PRISTINE = (
    "SELECT @a, DATABASE(), @@autocommit, @@tx_isolation, @@sql_mode, @@time_zone,"
    " @@foreign_key_checks, @@unique_checks, @@character_set_client,"
    " @@character_set_results, @@collation_connection, @@sql_auto_is_null,"
    " @@max_statement_time, "
    " IFNULL(IS_USED_LOCK('leak') = CONNECTION_ID(), 0)"
)


@pytest.fixture
def site(make_site):
    # One connection: whatever a borrower leaves, the next one must find.
    return make_site({"maxconnections": 1, "timeout": 2})


# 15: open transactions


def leave_without_autocommit(site):
    site.connection.set_autocommit(False)
    site.run("INSERT INTO entries (text) VALUES ('unfinished')")


def leave_after_begin(site):
    site.run("BEGIN")
    site.run("INSERT INTO entries (text) VALUES ('unfinished')")


def leave_after_begin_of_the_driver(site):
    site.connection.ensure_connection()
    site.connection.connection.begin()
    site.run("INSERT INTO entries (text) VALUES ('unfinished')")


def leave_after_select_only(site):
    site.connection.set_autocommit(False)
    site.run("SELECT * FROM entries FOR UPDATE")


def leave_inside_atomic(site):
    site.atomic().__enter__()
    site.run("INSERT INTO entries (text) VALUES ('unfinished')")
    site.connection.close()
    # A thread of Django's is not reused after that; its next request begins anew.
    site.connection.in_atomic_block = site.connection.closed_in_transaction = False


@pytest.mark.parametrize(
    "leave",
    [
        leave_without_autocommit,
        leave_after_begin,
        leave_after_begin_of_the_driver,
        leave_after_select_only,
        leave_inside_atomic,
    ],
)
def test_unfinished_transaction_is_rolled_back_before_the_next_borrower(
    site, root, leave
):
    with site.request():
        first = site.connection_id()
        leave(site)
    assert root.transactions() == 0

    with site.request():
        assert site.connection_id() == first
        site.run("INSERT INTO entries (text) VALUES ('finished')")
        assert site.run("SELECT @@autocommit, @@in_transaction") == [(1, 0)]

    assert root.entries() == ["finished"]


def test_control_raw_dbutils_without_reset_commits_an_aborted_request(
    make_naive_site, root
):
    site = make_naive_site(maxconnections=1, reset=False)
    with site.request():
        leave_without_autocommit(site)

    site.answer("SELECT 1")

    assert root.entries() == ["unfinished"]


def test_return_of_a_clean_connection_asks_the_server_for_nothing(site):
    site.answer("SELECT 1")

    site.answer("SELECT 1")

    assert (site.stats["rollbacks"], site.stats["resets"]) == (0, 0)


# 16: everything else that a session remembers

TRACES = [
    "SET @a = 42",
    "SELECT 42 INTO @a",
    "SELECT @a := 42",
    "SELECT 1 /*! , @a := 42 */",
    "CREATE TEMPORARY TABLE leaked (id INT)",
    "SELECT GET_LOCK('leak', 0)",
    "SELECT GET_LOCK ('leak', 0)",
    "LOCK TABLES entries WRITE",
    "FLUSH TABLES WITH READ LOCK",
    "USE other",
    "SET sql_mode = ''",
    "SET time_zone = '+05:00'",
    "SET foreign_key_checks = 0, unique_checks = 0",
    "SET SESSION TRANSACTION ISOLATION LEVEL SERIALIZABLE",
    "SET TRANSACTION ISOLATION LEVEL SERIALIZABLE",
    "SET NAMES latin1",
    "SET CHARACTER SET latin1",
    "SET autocommit = 0",
    "SET sql_auto_is_null = 1",
    "SET max_statement_time = 3",
    "PREPARE leaked FROM 'SELECT 1'",
    "CALL leave_traces()",
    "HANDLER entries OPEN AS leaked",
    "SELECT SQL_CALC_FOUND_ROWS 1 FROM mysql.user LIMIT 1",
    "START TRANSACTION READ ONLY",
    "XA START 'leaked'",
    "/* comment */ SET @a = 42",
    "-- comment\nSET @a = 42",
]


def state_of(site, root):
    with site.request():
        site.run("SELECT 1")
        (state,) = site.run(PRISTINE)
        temporary = site.run("SHOW TABLES LIKE 'leaked'")
        # Fails for a table locked by LOCK TABLES, an open XA transaction, …
        site.run("INSERT INTO entries (text) VALUES ('next')")
        site.run("SELECT COUNT(*) FROM mysql.time_zone_name")
    locks = root.run("SELECT IS_FREE_LOCK('leak'), COUNT(*) FROM entries")
    return state, temporary, locks


@pytest.mark.parametrize("sql", TRACES)
def test_session_is_pristine_after(site, root, sql):
    expected = state_of(site, root)
    with site.request():
        first = site.connection_id()
        site.run(sql)
        resets = site.stats["resets"]
    root.run("DELETE FROM entries")

    found = state_of(site, root)

    assert found == expected
    assert site.answer_with_id() == first
    assert site.stats["resets"] > resets


@pytest.mark.parametrize(
    "sql",
    ["EXECUTE leaked", "HANDLER leaked READ FIRST", "SELECT * FROM leaked"],
)
def test_named_things_of_a_session_are_gone(site, sql):
    with site.request():
        site.run("PREPARE leaked FROM 'SELECT 1'")
        site.run("HANDLER entries OPEN AS leaked")
        site.run("CREATE TEMPORARY TABLE leaked (id INT)")

    with pytest.raises(site.connection.Database.Error):
        site.connection.cursor().cursor.execute(sql)


def test_do_0_lets_a_reset_follow_what_a_stored_function_has_done(site, root):
    """The advice of docs/pool.md: no statement tells what a function does."""
    expected = state_of(site, root)
    with site.request():
        site.run("SELECT leave_traces_unseen()")
        site.run("DO 0")
    root.run("DELETE FROM entries")

    assert state_of(site, root) == expected


def test_control_raw_dbutils_leaks_variables_locks_and_the_database(
    make_naive_site, root
):
    site = make_naive_site(maxconnections=1, reset=True)
    with site.request():
        site.run("SET @a = 42")
        site.run("DO GET_LOCK('leak', 0)")
        site.run("USE other")

    state = site.answer("SELECT @a, DATABASE(), IS_FREE_LOCK('leak')")

    assert state == [(42, "other", 0)]


def test_profile_of_the_settings_survives_a_reset(make_site):
    site = make_site(
        {"maxconnections": 1, "setsession": ["SET time_zone = '+03:00'"]},
        options={
            "init_command": "SET max_statement_time = 9",
            "isolation_level": "serializable",
            "charset": "utf8mb4",
            "collation": "utf8mb4_bin",
        },
    )
    sql = (
        "SELECT @@time_zone, @@max_statement_time, @@tx_isolation,"
        " @@collation_connection, DATABASE()"
    )
    before = site.answer(sql)
    with site.request():
        site.run("SET time_zone = '+00:00', max_statement_time = 1, @a = 1")
        site.run("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED")
        site.run("SET NAMES latin1")

    assert site.answer(sql) == before
    assert before == [("+03:00", 9, "SERIALIZABLE", "utf8mb4_bin", "inkstone")]


def test_multiple_statements_in_one_string_are_not_taken_for_the_first(make_site):
    site = make_site(
        {"maxconnections": 1}, options={"client_flag": CLIENT.MULTI_STATEMENTS}
    )
    with site.request():
        site.run("SELECT 1; SET foreign_key_checks = 0")
        with site.connection.cursor() as cursor:
            cursor.execute("SELECT 1; SET sql_mode = ''")
            cursor.nextset()

    state = site.answer("SELECT @@foreign_key_checks, @@sql_mode = ''")

    assert state == [(1, 0)]


def test_value_with_an_at_sign_is_no_user_variable(site):
    site.answer("INSERT INTO entries (text) VALUES (%s)", ["reader@example.com"])
    with site.request(), site.connection.cursor() as cursor:
        rows = [["a@example.com"], ["b@example.com"]]
        cursor.executemany("INSERT INTO entries (text) VALUES (%s)", rows)

    assert site.stats["resets"] == 0


def test_another_database_does_not_stay_where_none_was_configured(make_site, root):
    site = make_site({"maxconnections": 1}, NAME="")
    with site.request():
        site.run("USE other")

    assert site.answer("SELECT DATABASE()") == [(None,)]


# What a borrower does to the driver's connection itself


def use_other(lease):
    lease.select_db("other")


def talk_latin1(lease):
    lease.set_character_set("latin1")


def talk_latin1_the_old_way(lease):
    lease.set_charset("latin1")


def set_variable(lease):
    lease.query("SET @a = 42")


def send_bytes(lease):
    lease.cursor().execute(b"SET @a = 42")


@pytest.mark.parametrize(
    "change",
    [use_other, talk_latin1, talk_latin1_the_old_way, set_variable, send_bytes],
)
def test_changes_through_the_driver_do_not_reach_the_next_borrower(site, change):
    expected = site.answer(PRISTINE)
    with site.request():
        site.connection.ensure_connection()
        change(site.connection.connection)

    assert site.answer(PRISTINE) == expected
    assert site.answer("SELECT 'é'") == [("é",)]


# 18: results that nobody has read

MANY_ROWS = "SELECT REPEAT('x', 1000) FROM seq_1_to_20000"


@pytest.mark.parametrize("cursor_class", [SSCursor, SSDictCursor])
def test_unread_rows_of_an_unbuffered_cursor_are_not_passed_on(site, cursor_class):
    with site.request():
        site.connection.ensure_connection()
        cursor = site.connection.connection.cursor(cursor_class)
        cursor.execute(MANY_ROWS)
        cursor.fetchone()

    assert site.answer("SELECT 'mine'") == [("mine",)]
    assert site.stats["discards"] == {"unread result": 1}


def leave_rows_before_an_error(site):
    cursor = site.connection.connection.cursor(SSCursor)
    cursor.execute("SELECT fail_at_100(seq) FROM seq_1_to_100")
    cursor.fetchone()


def leave_a_result_before_an_error(site):
    cursor = site.connection.connection.cursor()
    cursor.callproc("fail_late")
    cursor.fetchall()


leaving_an_error = pytest.mark.parametrize(
    "leave", [leave_rows_before_an_error, leave_a_result_before_an_error]
)


@leaving_an_error
def test_error_that_nobody_has_read_is_not_the_next_borrowers(site, leave):
    with site.request():
        site.connection.ensure_connection()
        leave(site)

    assert site.answer("SELECT 'mine'") == [("mine",)]
    assert site.stats["discards"] == {"unread result": 1}


@pytest.mark.filterwarnings("ignore:Previous unbuffered result")
@leaving_an_error
def test_control_unread_results_that_are_not_looked_for_fail_the_next_borrower(
    site, leave, monkeypatch
):
    monkeypatch.setattr(driver.Connection, "has_unread_result", False)
    # What has not arrived before the return would be noticed at the next loan.
    monkeypatch.setattr(driver.Connection, "is_silent", True)
    with site.request():
        site.connection.ensure_connection()
        leave(site)
        # Else the reset of the session would meet the error.
        site.connection.connection.connection.is_dirty = False

    with pytest.raises(DatabaseError, match="of another"):
        site.answer("SELECT 'mine'")


def test_unbuffered_cursor_that_was_closed_costs_no_connection(site):
    with site.request():
        site.connection.ensure_connection()
        cursor = site.connection.connection.cursor(SSCursor)
        cursor.execute(MANY_ROWS)
        cursor.fetchone()
        cursor.close()

    assert site.answer("SELECT 'mine'") == [("mine",)]
    assert site.stats["discards"] == {}


def test_rows_left_in_a_stale_unbuffered_cursor_are_not_a_short_result(site):
    with site.request():
        site.connection.ensure_connection()
        cursor = site.connection.connection.cursor(SSCursor)
        cursor.execute(MANY_ROWS)
        cursor.fetchone()

    with pytest.raises(site.connection.Database.InterfaceError):
        cursor.fetchall()


def test_further_result_sets_are_not_passed_on(site, root):
    root.run("CREATE OR REPLACE PROCEDURE two_results() BEGIN SELECT 1; SELECT 2; END")
    with site.request():
        site.connection.ensure_connection()
        cursor = site.connection.connection.cursor()
        cursor.callproc("two_results")
        assert cursor.fetchall() == ((1,),)

    assert site.answer("SELECT 'mine'") == [("mine",)]
    assert site.stats["discards"] == {"unread result": 1}


def test_cursor_class_of_the_settings_is_used(make_site):
    site = make_site({"maxconnections": 1}, options={"cursorclass": DictCursor})
    lease = site.pool.connection()

    cursor = lease.cursor()
    cursor.execute("SELECT 1 AS one")

    assert cursor.fetchall() == [{"one": 1}]
    lease.close()


# 27: settings that differ


def test_aliases_with_other_settings_never_share_a_connection(make_site):
    committed = make_site(True, options={"isolation_level": "read committed"})
    repeatable = make_site(True, options={"isolation_level": "repeatable read"})
    sql = "SELECT @@tx_isolation, CONNECTION_ID()"

    found = [site.answer(sql)[0] for site in [committed, repeatable] * 2]

    assert [level for level, _ in found] == ["READ-COMMITTED", "REPEATABLE-READ"] * 2
    assert len({connection_id for _, connection_id in found}) == 2


def test_copy_of_a_connection_with_other_options_has_a_pool_of_its_own(site):
    copy = site.connection.copy()
    copy.settings_dict["OPTIONS"]["isolation_level"] = "serializable"

    with copy.cursor() as cursor:
        cursor.execute("SELECT @@tx_isolation")
        level = cursor.fetchone()

    assert level == ("SERIALIZABLE",)
    assert copy.pool is not site.pool
    copy.close()
    copy.close_pool()


def test_threads_of_one_alias_share_a_pool(site):
    assert in_thread(lambda: site.pool).result(5) is site.pool

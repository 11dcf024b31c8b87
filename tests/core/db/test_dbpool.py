import json
import re
import threading
from io import StringIO
from types import SimpleNamespace

import pytest
from django.core.management import CommandError, call_command

from core.db.mysql import server as server_side
from tests.core.databases import mysql_settings
from tests.core.db.processes import site_process
from tests.servers import MariaDB
from tests.waiting import wait_until


def run(*arguments, **options):
    out = StringIO()
    call_command("dbpool", *arguments, stdout=out, **options)
    return out.getvalue()


@pytest.fixture(scope="module")
def watching_server():
    """A server that knows the programs of its clients, and no other tests."""
    with MariaDB(performance_schema="ON", max_connections=50) as server:
        yield server


# Status


def test_shows_options_server_and_own_pool_as_json(use_mysql):
    use_mysql(pool={"maxconnections": 7})

    report = json.loads(run("--json"))

    assert report["database"] == "default"
    assert report["options"]["maxconnections"] == 7
    assert report["options"]["timeout"] == 10
    assert report["server"]["max_connections"] == 151
    assert report["server"]["Threads_connected"] >= 1
    assert report["server"]["Max_used_connections"] >= 1
    assert report["server"]["wait_timeout"] == 28800
    assert report["this_process"]["connections_num"] == 1


def test_shows_the_same_as_a_table(use_mysql):
    use_mysql(pool={"maxconnections": 7, "setsession": ["SET @a = 1"]})

    lines = re.sub(" +", " ", run(no_color=True)).splitlines()

    assert 'Options of the pool of "default"' in lines
    assert " maxconnections 7" in lines
    assert " max_connections 151" in lines
    assert " pool_size 1" in lines
    assert " program host connections idle in_transaction" in lines


def test_counts_connections_by_process(use_mysql, watching_server):
    use_mysql(server=watching_server)
    with site_process(watching_server) as tell:
        pid = tell("__import__('os').getpid()")
        tell("open_idle(2)")

        report = json.loads(run("--json"))

    groups = {group["program"]: group for group in report["connections"]}
    assert len(groups) == 2
    assert groups[f"default {pid}"] == {
        "program": f"default {pid}",
        "host": "127.0.0.1",
        "connections": 2,
        "idle": 2,
        "in_transaction": 0,
    }


def test_counts_connections_by_host_where_programs_are_not_known(
    use_mysql, mariadb_server
):
    server = mariadb_server()
    use_mysql(server=server)
    with site_process(server) as tell:
        tell("open_idle(2)")
        tell("block.__enter__() and None")
        tell("query('SELECT * FROM mysql.innodb_table_stats')")

        (group,) = json.loads(run("--json"))["connections"]

    assert group["program"] == ""
    assert group["connections"] == 3
    assert group["in_transaction"] == 1


def test_leaves_out_other_accounts_and_databases(use_mysql, watching_server):
    use_mysql(server=watching_server)

    with watching_server.connect(database="mysql"):
        report = json.loads(run("--json"))

    assert [group["connections"] for group in report["connections"]] == [1]


def test_account_that_may_see_no_transactions_sees_the_rest(
    use_database, watching_server
):
    use_database(mysql_settings(watching_server, USER=limited_account(watching_server)))

    (group,) = json.loads(run("--json"))["connections"]

    assert group["connections"] == 1
    assert group["in_transaction"] is None


# Draining


def limited_account(server):
    with server.connect() as root, root.cursor() as cursor:
        cursor.execute("CREATE OR REPLACE USER limited@'127.0.0.1'")
        cursor.execute(f"GRANT ALL ON {server.database}.* TO limited@'127.0.0.1'")
    return "limited"


def idle_sessions(server, seconds):
    """Give the ids of sessions that have been idle for more than so long."""
    with server.connect() as root, root.cursor() as cursor:
        cursor.execute(
            "SELECT id FROM information_schema.processlist WHERE command = 'Sleep' "
            "AND db = %s AND time > %s",
            [server.database, seconds],
        )
        return {id for (id,) in cursor.fetchall()}


@pytest.fixture
def sites(watching_server):
    """Two processes of a site, one with idle connections, one that is at work.

    ``at_work`` has an open transaction and a long statement.
    """
    with (
        site_process(watching_server) as idle,
        site_process(watching_server) as at_work,
        watching_server.connect(database="inkstone", program_name="mysql") as person,
    ):
        at_work("query('CREATE OR REPLACE TABLE kept (a INT)')")
        at_work("query('SELECT 1')")
        at_work("block.__enter__()")
        at_work("query('INSERT INTO kept VALUES (1)')")
        at_work("start('SELECT SLEEP(1000)')")
        yield SimpleNamespace(
            idle=idle,
            at_work=at_work,
            person=person,
            ids=set(idle("open_idle(2)")),
            server=watching_server,
        )


def wait_until_idle(sites, seconds=2):
    everybody = {sites.at_work("connection.connection.thread_id()")}
    everybody |= sites.ids | {sites.person.thread_id()}
    wait_until(lambda: everybody <= idle_sessions(sites.server, seconds))


def test_drain_ends_idle_connections_alone(use_mysql, sites):
    use_mysql(server=sites.server)
    wait_until_idle(sites)

    report = json.loads(run("--drain", "--idle", "1", "--json"))

    assert report["drained"] == {
        "ended": 2,
        "in_transaction": 1,
        "in_use": 1,
        "foreign": 1,
    }
    # Pools notice and replace them: no query of either process fails.
    assert set(sites.idle("open_idle(2)")).isdisjoint(sites.ids)
    assert sites.idle("connection.pool.stats()['discards']") == {"lost": 2}
    assert sites.at_work("query('INSERT INTO kept VALUES (2)')") == []
    assert sites.at_work("block.__exit__(None, None, None)") is None
    assert sites.idle("query('SELECT a FROM kept ORDER BY a')") == [[1], [2]]


def test_ending_whatever_sleeps_would_cut_the_transaction(sites):
    wait_until_idle(sites, seconds=0)

    with sites.server.connect() as root, root.cursor() as cursor:
        for id in idle_sessions(sites.server, seconds=0):
            cursor.execute("KILL %s", [id])

    outcome = sites.at_work("query('INSERT INTO kept VALUES (2)')")
    assert "OperationalError" in outcome["error"]


def test_drain_leaves_what_was_used_a_moment_ago(use_mysql, mysql_server):
    use_mysql()
    with mysql_server.connect(database=mysql_server.database) as recent:
        report = json.loads(run("--drain", "--idle", "1000", "--json"))

        recent.ping()
    assert report["drained"]["ended"] == 0
    assert report["drained"]["in_use"] >= 1


def test_drain_tells_what_it_did(use_mysql):
    use_mysql()

    assert run("--drain").startswith("Ended 0 idle connections. Left alone: ")


def test_drain_needs_to_see_transactions(use_database, watching_server):
    account = limited_account(watching_server)
    use_database(mysql_settings(watching_server, USER=account))

    with pytest.raises(CommandError, match="GRANT PROCESS ON"):
        run("--drain")


def read_transactions(server, is_over, has_begun):
    with server.connect(autocommit=True) as monitor, monitor.cursor() as cursor:
        while not is_over.is_set():
            cursor.execute(server_side.TRANSACTIONS)
            cursor.fetchall()
            has_begun.set()


@pytest.fixture
def busy_monitor(watching_server):
    """A program that reads InnoDB's list all the time, so that it is never renewed."""
    is_over, has_begun = threading.Event(), threading.Event()
    arguments = watching_server, is_over, has_begun
    thread = threading.Thread(target=read_transactions, args=arguments)
    thread.start()
    assert has_begun.wait(10)
    yield
    is_over.set()
    thread.join()


def test_drain_refuses_a_list_of_transactions_that_is_not_renewed(
    use_mysql, watching_server, busy_monitor, monkeypatch
):
    monkeypatch.setattr(server_side, "TRANSACTIONS_ATTEMPTS", 2)
    use_mysql(server=watching_server)
    with watching_server.connect(database=watching_server.database) as bystander:
        wait_until(lambda: bystander.thread_id() in idle_sessions(watching_server, 1))

        with pytest.raises(CommandError, match="out of date"):
            run("--drain", "--idle", "1")

        bystander.ping()


def test_drain_waits_for_a_list_that_has_the_latest_transaction(
    use_mysql, watching_server
):
    connection = use_mysql(server=watching_server)
    with (
        watching_server.connect(database=watching_server.database) as monitor,
        watching_server.connect(database=watching_server.database) as late,
    ):
        watch, work = monitor.cursor(), late.cursor()
        watch.execute(server_side.TRANSACTIONS)
        work.execute("SELECT * FROM mysql.innodb_table_stats")
        watch.execute(server_side.TRANSACTIONS)  # the list of a moment ago
        control = {id for (id,) in watch.fetchall()}

        transactions = server_side._transactions_since_now(connection)

    assert late.thread_id() not in control
    assert late.thread_id() in transactions


@pytest.mark.parametrize("value", ["0", "-1", "1.5", "x"])
def test_idle_time_must_be_a_whole_number(use_mysql, value):
    use_mysql()

    with pytest.raises(CommandError, match="expected a whole number of seconds, 1 or"):
        run("--drain", f"--idle={value}")


# Databases without a pool


def test_says_that_sqlite_has_no_pool(use_database):
    use_database({"ENGINE": "core.db.sqlite", "NAME": ":memory:"})

    with pytest.raises(CommandError, match='"default" is sqlite, which has no conn'):
        run()


def test_says_that_mysql_is_used_without_a_pool(use_mysql):
    use_mysql(pool=False)

    with pytest.raises(CommandError, match='"default" is used without a connection po'):
        run()


def test_names_the_databases_there_are():
    with pytest.raises(CommandError, match='no database "x"; there are: default'):
        run("--database", "x")


def test_says_why_the_server_gives_no_answer(use_mysql, mariadb_server):
    server = mariadb_server()
    use_mysql(server=server)
    server.kill()

    with pytest.raises(CommandError, match='"default" gives no answer: .*refused'):
        run()

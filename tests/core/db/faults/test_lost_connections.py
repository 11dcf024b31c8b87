"""Connections that the server ends: what is lost, what is kept, what is said."""

import pytest
from django.db import InterfaceError, OperationalError, transaction

from tests.core.db.faults.harness import in_thread
from tests.waiting import wait_until

LOST = {2006, 2013, 1927}
# As a command, unlike READ COMMITTED inside of one.
COMMIT = b"\x03COMMIT"


@pytest.fixture
def naive_site(make_naive_site):
    return make_naive_site(ping=1)


def insert(site, text):
    site.run("INSERT INTO entries (text) VALUES (%s)", [text])


def kill_running(root, connection_id, statement):
    root.await_statement(connection_id, statement)
    root.kill(connection_id)


def insert_two_with_kill_between(site, root):
    with site.request(), site.atomic():
        insert(site, "first")
        root.kill(site.connection_id())
        insert(site, "second")


# 1: killed inside of a transaction


def test_kill_inside_atomic_fails_the_block_and_keeps_no_row(site, root):
    with pytest.raises(OperationalError) as caught:
        insert_two_with_kill_between(site, root)

    assert caught.value.args[0] in LOST
    assert root.entries() == []


def test_request_after_a_kill_inside_atomic_gets_another_connection(site, root):
    with site.request():
        killed = site.connection_id()
    with pytest.raises(OperationalError):
        insert_two_with_kill_between(site, root)

    with site.request():
        insert(site, "later")
        assert site.connection_id() != killed

    assert root.entries() == ["later"]
    assert site.stats["connections_lost"] == 1
    assert site.stats["pool_size"] == 1


def test_killed_connection_is_let_go_at_the_end_of_the_request(site, root):
    with pytest.raises(OperationalError), site.request():
        root.kill(site.connection_id())
        site.run("SELECT 1")

    assert site.connection.connection is None
    assert site.stats["pool_size"] == 0


def test_control_raw_dbutils_commits_the_second_half(naive_site, root):
    insert_two_with_kill_between(naive_site, root)

    assert root.entries() == ["second"]


# 2: killed around COMMIT


def test_kill_before_commit_raises_keeps_no_row_and_runs_no_hook(site, root):
    ran = []

    with pytest.raises(OperationalError), site.request(), site.atomic():
        insert(site, "lost")
        transaction.on_commit(lambda: ran.append(1), using=site.alias)
        root.kill(site.connection_id())

    assert root.entries() == []
    assert ran == []


def test_commit_whose_answer_is_lost_is_an_error_and_is_not_repeated(
    make_site, root, proxy
):
    site = make_site({"maxconnections": 3}, port=proxy.port)
    proxy.cut_after = COMMIT

    with pytest.raises(OperationalError), site.request(), site.atomic():
        insert(site, "once")

    assert root.entries() == ["once"]
    assert sum(COMMIT in request for request in proxy.requests) == 1


# 3 and 13: killed while idle


def test_kill_of_an_idle_connection_is_not_noticed_by_the_next_request(site, root):
    killed = site.answer_with_id()
    root.kill(killed)

    served_by = site.answer_with_id()

    assert served_by != killed
    assert site.stats["connections_num"] == 2
    assert site.stats["discards"] == {"lost": 1}


def test_idle_connections_that_the_server_timed_out_are_replaced(make_site, root):
    site = make_site(
        {"maxconnections": 3}, options={"init_command": "SET SESSION wait_timeout = 1"}
    )
    timed_out = set(site.fill(2))
    for connection_id in timed_out:
        root.await_end(connection_id)

    served_by = site.answer_with_id()

    assert served_by not in timed_out
    assert site.stats["pool_size"] == 1
    assert site.stats["pings"] == 0


def test_control_persistent_connection_of_django_fails_the_next_request(
    make_plain_site, root
):
    site = make_plain_site()
    root.kill(site.answer_with_id())

    with pytest.raises(OperationalError):
        site.answer("SELECT 1")


def test_control_persistent_connection_that_timed_out_fails_the_next_request(
    make_plain_site, root
):
    site = make_plain_site(init_command="SET SESSION wait_timeout = 1")
    root.await_end(site.answer_with_id())

    with pytest.raises(OperationalError):
        site.answer("SELECT 1")


# 4: killed in the middle of a statement


def test_statement_that_is_killed_is_not_run_again(site, root):
    with site.request():
        killed = site.connection_id()
        slow = "INSERT INTO entries (text) SELECT CONCAT('ran ', SLEEP(20))"
        killer = in_thread(kill_running, root, killed, "SLEEP")

        with pytest.raises(OperationalError) as caught:
            site.run(slow)
        killer.result(10)

    assert caught.value.args[0] in LOST
    assert root.entries() == []
    assert all(root.statement_of(other) == "" for other in root.processes())


def test_control_raw_dbutils_runs_a_killed_statement_again(naive_site, root):
    def kill_and_open(killed):
        kill_running(root, killed, "gate")
        wait_until(
            lambda: any("gate" in root.statement_of(n) for n in root.processes())
        )
        root.run("DO RELEASE_LOCK('gate')")

    root.run("DO GET_LOCK('gate', 0)")
    with naive_site.request():
        killer = in_thread(kill_and_open, naive_site.connection_id())
        naive_site.run(
            "INSERT INTO entries (text) SELECT CONCAT('ran ', GET_LOCK('gate', 20))"
        )
        killer.result(10)

        assert ("ran 1",) in naive_site.run("SELECT text FROM entries")


def test_rest_of_the_request_after_a_lost_connection_fails_too(site, root):
    with site.request():
        root.kill(site.connection_id())
        with pytest.raises(OperationalError):
            site.run("SELECT 1")

        with pytest.raises(InterfaceError):
            insert(site, "without what came before")

    assert root.entries() == []


# 5: writes after a reconnection


def test_autocommit_write_after_a_reconnection_is_durable(site, root):
    root.kill(site.answer_with_id())

    with site.request():
        insert(site, "durable")
        settings = site.run("SELECT @@autocommit, @@tx_isolation")

    assert settings == [(1, "READ-COMMITTED")]
    assert root.entries() == ["durable"]


def test_control_raw_dbutils_loses_an_autocommit_write_after_a_reconnection(
    naive_site, root
):
    with naive_site.request():
        root.kill(naive_site.connection_id())
        insert(naive_site, "silently lost")
        settings = naive_site.run("SELECT @@autocommit, @@tx_isolation")

    assert settings == [(0, "REPEATABLE-READ")]
    assert root.entries() == []


# 9: half-open connections


def test_half_open_connection_delays_a_request_by_the_validation_timeout_only(
    make_site, root, proxy
):
    site = make_site({"ping_idle": 0, "validation_timeout": 0.2}, port=proxy.port)
    half_open = site.answer_with_id()
    site.set_timeout(1)
    proxy.stall()

    with pytest.raises(OperationalError):
        site.answer("SELECT 1")

    assert site.stats["discards"] == {"lost": 1}
    proxy.resume()
    site.set_timeout(10)
    site.pool.outage.until = 0  # the pause after an outage has tests of its own
    assert site.answer_with_id() != half_open


def test_control_ping_of_raw_dbutils_waits_without_end(make_naive_site, proxy):
    site = make_naive_site(ping=1, port=proxy.port)
    site.answer("SELECT 1")
    proxy.stall()

    waiting = in_thread(site.answer, "SELECT 1")
    with pytest.raises(TimeoutError):
        waiting.result(1)

    proxy.resume()
    assert waiting.result(5) == [(1,)]


# 28: a server that became a replica


@pytest.fixture
def read_only_user(root):
    root.run("CREATE OR REPLACE USER writer@'127.0.0.1'")
    root.run("GRANT ALL ON inkstone.* TO writer@'127.0.0.1'")
    yield "writer"
    root.run("SET GLOBAL read_only = 0")
    root.run("DROP USER writer@'127.0.0.1'")


def test_connections_to_a_server_that_became_read_only_are_all_given_up(
    make_site, root, read_only_user
):
    site = make_site({"maxconnections": 3}, USER=read_only_user)
    old = set(site.fill(3))
    root.run("SET GLOBAL read_only = 1")

    with pytest.raises(OperationalError) as caught:
        site.answer("INSERT INTO entries (text) VALUES ('refused')")
    root.run("SET GLOBAL read_only = 0")

    assert caught.value.args[0] == 1290
    assert site.stats["pool_size"] == 0
    assert site.stats["discards"] == {"read-only": 3}
    assert site.answer_with_id() not in old


def test_control_raw_dbutils_goes_on_with_a_server_that_became_read_only(
    make_naive_site, root, read_only_user
):
    site = make_naive_site(user=read_only_user)
    idle = site.connection.get_new_connection(site.connection.get_connection_params())
    site.answer("SELECT 1")
    idle_id = idle.thread_id()
    idle.close()
    root.run("SET GLOBAL read_only = 1")

    with pytest.raises(OperationalError):
        site.answer("INSERT INTO entries (text) VALUES ('refused')")
    root.run("SET GLOBAL read_only = 0")

    assert site.answer_with_id() == idle_id


def test_host_is_asked_for_again_after_a_failover(make_site, root, read_only_user):
    asked = []

    def resolve():
        asked.append(1)
        return "127.0.0.1"

    site = make_site(True, options={"host": resolve}, USER=read_only_user)
    site.answer("SELECT 1")
    root.run("SET GLOBAL read_only = 1")
    with pytest.raises(OperationalError):
        site.answer("INSERT INTO entries (text) VALUES ('refused')")

    site.answer("SELECT 1")

    assert len(asked) == 2


# 31: errors that are no loss of the connection


def test_deadlock_and_lock_timeout_keep_the_connection(site, root):
    insert_first = "INSERT INTO entries (id, text) VALUES (1, 'a')"
    site.answer(insert_first)
    blocker = site.pool.connection()
    blocker.begin()
    blocker.cursor().execute("SELECT * FROM entries WHERE id = 1 FOR UPDATE")

    with site.request():
        before = site.connection_id()
        with pytest.raises(OperationalError) as caught, site.atomic():
            site.run(
                "SET STATEMENT innodb_lock_wait_timeout = 1 FOR DELETE FROM entries"
            )
        assert site.connection_id() == before
    blocker.close()

    assert caught.value.args[0] == 1205
    assert site.stats["connections_lost"] == 0
    assert root.entries() == ["a"]


def test_victim_of_a_deadlock_keeps_its_connection(site, root):
    site.answer("INSERT INTO entries (id, text) VALUES (1, 'a'), (2, 'b')")
    other = site.pool.connection()
    other.begin()
    other.cursor().execute("UPDATE entries SET text = 'other' WHERE id = 2")

    with site.request():
        before = site.connection_id()
        with pytest.raises(OperationalError) as caught, site.atomic():
            # The lighter transaction is the victim.
            site.run("UPDATE entries SET text = 'mine' WHERE id = 1")
            site.run("SET SESSION innodb_lock_wait_timeout = 20")
            waiting = in_thread(
                other.cursor().execute,
                "UPDATE entries SET text = REPEAT('x', 100) WHERE id IN (1, 2)",
            )
            root.await_statement(other.thread_id(), "REPEAT")
            site.run("DELETE FROM entries WHERE id = 2")
        assert site.connection_id() == before
    waiting.result(10)
    other.close()

    assert caught.value.args[0] == 1213
    assert root.entries() == ["a", "b"]

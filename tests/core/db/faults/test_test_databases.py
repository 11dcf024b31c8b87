"""Creating, copying and dropping the databases of Django's tests."""

import pytest

from tests.core.db.faults.harness import in_thread
from tests.waiting import wait_until


@pytest.fixture
def test_database(site):
    """A test database as Django's runner makes it, without any table."""
    creation, name = site.connection.creation, site.connection.settings_dict["NAME"]
    site.answer("SELECT 1")
    creation._create_test_db(verbosity=0, autoclobber=True, keepdb=False)
    site.connection.close()
    site.connection.settings_dict["NAME"] = test_name = "test_inkstone"
    yield test_name
    creation.destroy_test_db(name, verbosity=0)


def test_no_query_of_a_test_reaches_the_database_used_before(site, test_database):
    with site.request():
        assert site.run("SELECT DATABASE()") == [(test_database,)]
        site.run("CREATE TABLE of_test (id INT)")
    other_thread = in_thread(site.answer, "SELECT DATABASE()")

    assert other_thread.result(5) == [(test_database,)]
    assert site.answer("SHOW TABLES") == [("of_test",)]


def test_control_pool_known_by_alias_goes_on_with_the_database_used_before(
    make_naive_site,
):
    site = make_naive_site()
    site.answer("SELECT 1")
    site.connection.settings_dict["NAME"] = "other"

    assert site.answer("SELECT DATABASE()") == [("inkstone",)]


@pytest.mark.parametrize("leave", ["returned", "abandoned", "thread ended"])
def test_drop_is_not_blocked_by_what_threads_have_left(
    site, root, test_database, leave
):
    site.answer("CREATE TABLE of_test (id INT)")
    kept = []

    def use():
        site.connection.set_autocommit(False)
        site.run("SELECT * FROM of_test")
        if leave == "returned":
            site.connection.close()
        elif leave == "thread ended":
            kept.append(site.connection.connection)

    in_thread(use).thread.join()
    root.run("SET GLOBAL lock_wait_timeout = 3")

    site.connection.creation._destroy_test_db(test_database, verbosity=0)

    root.run("SET GLOBAL lock_wait_timeout = DEFAULT")
    assert root.run("SHOW DATABASES LIKE 'test_inkstone'") == []
    root.run("CREATE DATABASE test_inkstone")


def test_clones_of_parallel_tests_have_pools_of_their_own(site, root, test_database):
    creation = site.connection.creation
    pools = [site.pool]
    root.run("CREATE DATABASE test_inkstone_1")
    site.connection.settings_dict = creation.get_test_db_clone_settings("1")

    pools.append(site.pool)

    assert site.answer("SELECT DATABASE()") == [("test_inkstone_1",)]
    assert pools[0] is not pools[1]
    creation._destroy_test_db("test_inkstone_1", verbosity=0)
    site.connection.settings_dict["NAME"] = test_database


def test_pool_is_closed_before_a_test_database_is_copied(
    site, test_database, monkeypatch
):
    idle = []
    creation = site.connection.creation
    monkeypatch.setattr(
        creation, "_clone_db", lambda *names: idle.append(before.stats()["pool_idle"])
    )
    site.answer("SELECT 1")
    before = site.pool

    creation.clone_test_db("1", verbosity=0)

    assert idle == [0]
    assert before.is_closed
    creation._destroy_test_db(f"{test_database}_1", verbosity=0)


def test_maintenance_connection_is_not_pooled(site, root):
    before = root.processes()

    with site.connection._nodb_cursor() as cursor:
        cursor.execute("SELECT CONNECTION_ID()")
        (number,) = cursor.fetchone()

    assert number not in before
    wait_until(lambda: number not in root.processes())


def test_suite_of_django_test_cases_passes(run):
    found = run("suite")

    assert found == {"failures": 0, "databases": []}

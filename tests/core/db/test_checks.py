from core.db.mysql import checks
from tests.config.test_env import start
from tests.core.databases import mysql_settings


def ids(messages):
    return [message.id for message in messages]


def test_usual_options_raise_no_warning(use_mysql):
    use_mysql()

    assert checks.check_options(None) == []


def test_option_without_effect_is_a_warning(use_mysql):
    use_mysql(pool={"maxshared": 3})

    (warning,) = checks.check_options(None)

    assert warning.id == "core.db.W001"
    assert warning.msg.startswith('Pool of the database "default": maxshared=3 is')
    assert warning.hint


def test_missing_read_timeout_is_a_warning(use_mysql):
    use_mysql(read_timeout=None)

    (warning,) = checks.check_options(None)

    assert warning.id == "core.db.W002"
    assert '"default" has no read_timeout' in warning.msg


def test_missing_read_timeout_is_a_warning_without_a_pool_too(use_mysql):
    use_mysql(pool=False, read_timeout=None)

    assert ids(checks.check_options(None)) == ["core.db.W002"]


def test_server_with_room_for_all_pools_raises_no_warning(use_mysql, monkeypatch):
    use_mysql(pool={"maxconnections": 10})
    monkeypatch.setenv("WEB_CONCURRENCY", "15")

    assert checks.check_servers(None, databases=["default"]) == []


def test_more_connections_than_the_server_allows_are_a_warning(use_mysql, monkeypatch):
    use_mysql(pool={"maxconnections": 10})
    monkeypatch.setenv("WEB_CONCURRENCY", "16")

    (warning,) = checks.check_servers(None, databases=["default"])

    assert warning.id == "core.db.W003"
    assert "may open 16 x 10 = 160 connections; the server allows 151." in warning.msg


def test_pool_without_limit_is_a_warning(use_mysql):
    use_mysql(pool={"maxconnections": 0})

    (warning,) = checks.check_servers(None, databases=["default"])

    assert "may open any number of connections; the server allows 151." in warning.msg


def test_limit_of_the_account_counts_too(use_database, mysql_server):
    with mysql_server.connect() as root, root.cursor() as cursor:
        cursor.execute(
            "CREATE OR REPLACE USER few@'127.0.0.1' WITH MAX_USER_CONNECTIONS 4"
        )
        cursor.execute("GRANT ALL ON *.* TO few@'127.0.0.1'")
    options = {"pool": {"maxconnections": 5}, "read_timeout": 60}
    use_database(mysql_settings(mysql_server, USER="few", OPTIONS=options))

    (warning,) = checks.check_servers(None, databases=["default"])

    assert "may open 1 x 5 = 5 connections; the server allows 4." in warning.msg


def test_read_timeout_below_the_wait_for_locks_is_a_warning(use_mysql):
    use_mysql(read_timeout=30)

    (warning,) = checks.check_servers(None, databases=["default"])

    assert warning.id == "core.db.W004"
    assert "read_timeout of 30 s" in warning.msg
    assert "50 s for a lock" in warning.msg


def test_shorter_wait_for_locks_allows_a_shorter_read_timeout(use_mysql):
    use_mysql(read_timeout=30, init_command="SET SESSION innodb_lock_wait_timeout = 10")

    assert checks.check_servers(None, databases=["default"]) == []


def test_server_without_time_zones_is_a_warning(use_mysql, mariadb_server):
    server = mariadb_server()
    with server.connect(autocommit=True) as root:
        root.cursor().execute("DELETE FROM mysql.time_zone_name")
    server.restart()
    use_mysql(server=server)

    assert ids(checks.check_servers(None, databases=["default"])) == ["core.db.W005"]


def test_server_is_asked_only_when_the_database_is_named(use_mysql, mariadb_server):
    server = mariadb_server()
    use_mysql(server=server)
    server.kill()

    assert checks.check_servers(None, databases=None) == []


def test_deployment_settings_raise_no_warning():
    command = ["check", "--deploy", "--fail-level", "WARNING"]

    result = start(
        *command,
        DATABASE_URL="mysql://root@127.0.0.1:1/ink",
        ALLOWED_HOSTS="example.com",
        SECRET_KEY="abcdefghijklmnopqrstuvwxyz" * 2,
    )

    assert result.returncode == 0, result.stderr

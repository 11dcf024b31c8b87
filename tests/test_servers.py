import json
import os
import signal
import socket
import subprocess
import sys
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from threading import Thread
from zoneinfo import ZoneInfo

import pytest
import redis

from tests.servers import MariaDB, Redis, ServerFailed
from tests.waiting import wait_until

KINDS = [MariaDB, Redis]

OWNER = """
import json, os, signal, sys
from tests import servers

server = getattr(servers, sys.argv[1])()
server.start()
child = 0
if "with a child" in sys.argv:
    child = os.fork() or signal.pause()
if "with a dead server" in sys.argv:
    server.kill()
print(json.dumps([server.pid, str(server.folder), child]), flush=True)
signal.pause()
"""


@pytest.fixture(scope="module", params=KINDS)
def shared_server(request):
    with request.param() as server:
        yield server


@pytest.fixture
def server(shared_server):
    """A running server, whatever the test before did to it."""
    shared_server.restart()
    return shared_server


@pytest.fixture(scope="module")
def shared_mariadb():
    with MariaDB() as server:
        yield server


def is_alive(pid):
    with suppress(ProcessLookupError):
        os.kill(pid, 0)
        return True
    return False


def answers(server):
    """Tell whether a new connection gets a byte: MariaDB greets, Redis says PONG."""
    address = ("127.0.0.1", server.port)
    with socket.create_connection(address, timeout=0.5) as connection:
        connection.sendall(b"PING\r\n")
        return bool(connection.recv(1))


def test_answers_on_its_port(server):
    assert answers(server)


def test_refuses_connections_after_a_kill(server):
    server.kill()

    assert not is_alive(server.pid)
    with pytest.raises(ConnectionRefusedError):
        answers(server)


def test_starts_again_after_a_kill_on_the_same_port(server):
    port = server.port
    server.kill()

    server.start()

    assert server.port == port
    assert answers(server)


def test_does_not_answer_while_frozen(server):
    server.freeze()

    with pytest.raises(TimeoutError):
        answers(server)


def test_answers_after_resuming(server):
    server.freeze()
    server.freeze()
    server.resume()

    assert answers(server)


def test_stops_in_good_order_while_frozen(server):
    server.freeze()

    server.stop()

    assert not is_alive(server.pid)
    assert "hutdown" in server.log


def test_two_servers_run_side_by_side(server):
    with type(server)() as other:
        server.kill()

        assert answers(other)


def test_survives_the_thread_that_started_it(server):
    server.stop()
    thread = Thread(target=server.start)
    thread.start()
    thread.join()

    assert answers(server)


@pytest.mark.parametrize("kind", KINDS)
def test_removes_its_folder_when_closed(kind):
    with kind() as server:
        server.close()

    assert not is_alive(server.pid)
    assert not server.folder.exists()


@pytest.mark.parametrize("kind", KINDS)
def test_says_why_a_server_did_not_start(kind):
    server = kind(nonsense=1)

    with pytest.raises(ServerFailed, match="nonsense"), server:
        pass

    assert not server.folder.exists()


@pytest.mark.parametrize("how", ["alone", "with a child", "with a dead server"])
@pytest.mark.parametrize("kind", KINDS)
def test_is_gone_after_its_owner_was_killed(kind, how):
    command = [sys.executable, "-c", OWNER, kind.__name__, how]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as owner:
        pid, folder, child = json.loads(owner.stdout.readline())
        was_there = Path(folder).exists()
        owner.kill()

    try:
        wait_until(lambda: not Path(folder).exists() and not is_alive(pid))
    finally:
        if child:
            os.kill(child, signal.SIGKILL)

    assert was_there


def test_mariadb_answers_on_its_socket(mariadb_server):
    server = mariadb_server()

    with server.connect(unix_socket=server.socket) as connection:
        assert connection.get_host_info() == "Localhost via UNIX socket"


def test_mariadb_takes_options(mariadb_server):
    server = mariadb_server(max_connections=20)

    with server.connect() as connection, connection.cursor() as cursor:
        cursor.execute("SELECT @@max_connections")
        assert cursor.fetchone() == (20,)


@pytest.mark.parametrize("end", [MariaDB.stop, MariaDB.kill])
def test_mariadb_keeps_committed_rows(mariadb_server, end):
    server = mariadb_server()
    with server.connect(database=server.database) as connection:
        connection.cursor().execute("CREATE TABLE inks (name TEXT)")
        connection.cursor().execute("INSERT INTO inks VALUES ('墨')")
        connection.commit()

    end(server)
    server.start()

    with server.connect(database=server.database) as connection:
        cursor = connection.cursor()
        cursor.execute("SELECT name FROM inks")
        assert cursor.fetchall() == (("墨",),)


@pytest.mark.parametrize(
    ("zone", "moment"),
    [
        ("UTC", datetime(2024, 7, 1, tzinfo=UTC)),
        ("Asia/Shanghai", datetime(2024, 7, 1, tzinfo=UTC)),
        ("Asia/Shanghai", datetime(1988, 7, 1, tzinfo=UTC)),
        ("America/New_York", datetime(2030, 1, 1, tzinfo=UTC)),
        ("America/New_York", datetime(2030, 3, 10, 6, 59, 59, tzinfo=UTC)),
        ("America/New_York", datetime(2030, 3, 10, 7, 0, 0, tzinfo=UTC)),
    ],
)
def test_mariadb_converts_between_zones(shared_mariadb, zone, moment):
    utc, local = (
        at.strftime("%Y-%m-%d %H:%M:%S")
        for at in (moment, moment.astimezone(ZoneInfo(zone)))
    )

    with shared_mariadb.connect() as connection, connection.cursor() as cursor:
        cursor.execute(
            "SELECT CONCAT(CONVERT_TZ(%s, 'UTC', %s)), CONCAT(CONVERT_TZ(%s, %s, 'UTC'))",
            [utc, zone, local, zone],
        )
        assert cursor.fetchone() == (local, utc)


def test_redis_answers_on_its_socket(redis_server):
    server = redis_server()

    with redis.Redis(unix_socket_path=server.socket) as client:
        assert client.ping()


def test_redis_takes_options(redis_server):
    server = redis_server(maxmemory="10mb")

    with server.connect() as client:
        assert client.info("memory")["maxmemory"] == 10 * 1024 * 1024


def test_redis_starts_with_its_saved_snapshot(redis_server):
    server = redis_server()
    with server.connect() as client:
        client.set("old", 1)
        server.save()
        client.set("new", 1)

    server.restart()

    with server.connect() as client:
        assert client.keys() == [b"old"]

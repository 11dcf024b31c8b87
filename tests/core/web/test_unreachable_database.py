"""The site while the database server is down, full, or lets nobody in."""

import threading

import pytest
from django.db import connections
from django.test import Client

from tests.core.databases import mysql_settings
from tests.servers import MariaDB
from tests.waiting import wait_until


@pytest.fixture
def visitor():
    return Client(raise_request_exception=False)


@pytest.fixture(scope="module")
def dead_server():
    with MariaDB() as server:
        server.kill()
        yield server


def assert_friendly_503(response):
    assert response.status_code == 503
    assert response.headers["Retry-After"] == "10"
    assert "Inkstone" in response.content.decode()
    assert "Try again in a moment" in response.content.decode()
    assert "127.0.0.1" not in response.content.decode()


@pytest.mark.parametrize("address", ["/en/", "/en/admin/", "/en/search/?q=x"])
def test_pages_are_a_friendly_503_while_the_server_is_down(
    visitor, use_mysql, dead_server, address
):
    use_mysql(server=dead_server)
    visitor.cookies["sessionid"] = "a" * 32

    for _ in range(2):  # the second is refused by the pool, which knows already
        assert_friendly_503(visitor.get(address))


def test_programs_get_503_in_the_envelope(visitor, use_mysql, dead_server):
    use_mysql(server=dead_server)

    response = visitor.get("/api/articles")

    assert response.status_code == 503
    assert response.json()["code"] == 503


def test_probes_tell_life_from_readiness(visitor, use_mysql, dead_server):
    use_mysql(server=dead_server)

    alive, ready = visitor.get("/healthz"), visitor.get("/readyz")

    assert alive.status_code == 200
    assert ready.status_code == 503
    assert ready.json()["services"] == {"database": "down", "cache": "ok"}


def test_site_is_ready_again_when_the_server_is_back(
    visitor, use_mysql, mariadb_server
):
    server = mariadb_server()
    use_mysql(server=server)
    server.kill()
    assert visitor.get("/readyz").status_code == 503

    server.start()

    wait_until(lambda: visitor.get("/readyz").status_code == 200)


@pytest.mark.parametrize(
    "wrong", [{"USER": "root", "PASSWORD": "wrong"}, {"NAME": "nowhere"}]
)
def test_refused_login_is_a_friendly_503(visitor, use_database, mysql_server, wrong):
    use_database(mysql_settings(mysql_server, **wrong))

    assert_friendly_503(visitor.get("/en/"))


def test_full_pool_is_a_friendly_503(visitor, use_mysql):
    connection = use_mysql(pool={"maxconnections": 1, "timeout": 0.1})
    borrowed = connection.pool.connection()

    response = visitor.get("/en/")

    borrowed.close()
    assert_friendly_503(response)


def test_pool_closed_while_a_page_waits_is_a_friendly_503(visitor, use_mysql):
    pool = use_mysql(pool={"maxconnections": 1}).pool
    borrowed = pool.connection()
    responses = []

    def visit():
        responses.append(visitor.get("/en/"))
        connections.close_all()

    thread = threading.Thread(target=visit)
    thread.start()
    wait_until(lambda: pool.stats()["requests_waiting"])
    pool.close()
    thread.join()

    borrowed.close()
    assert_friendly_503(responses[0])

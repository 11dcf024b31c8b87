"""Connections that cannot be set up; passwords that change; TLS."""

import ssl
import subprocess

import pytest
from django.db import (
    NotSupportedError,
    OperationalError,
    ProgrammingError,
    connections,
)

from core.db.mysql import driver
from tests.core.db.faults.conftest import prepare
from tests.core.db.faults.harness import Root
from tests.servers import MariaDB
from tests.waiting import wait_until


class Interruption(BaseException):
    pass


# 24: failures while a connection is set up


def test_statement_of_the_session_that_fails_keeps_no_connection(make_site, root):
    site = make_site({"maxconnections": 2, "setsession": ["SET no such thing"]})
    before = root.processes()

    for _ in range(5):
        with pytest.raises(ProgrammingError), site.request():
            site.run("SELECT 1")

    assert site.connection.connection is None
    assert site.stats["pool_size"] == 0
    wait_until(lambda: root.processes() <= before)


def test_second_attempt_sets_up_what_the_first_could_not(make_site, root):
    root.run("CREATE DATABASE later")
    site = make_site({"setsession": ["USE later", "SELECT * FROM not_yet"]})
    with pytest.raises(ProgrammingError):
        site.answer("SELECT 1")

    root.run("CREATE TABLE later.not_yet (id INT)")

    assert site.answer("SELECT DATABASE()") == [("later",)]
    root.run("DROP DATABASE later")


@pytest.mark.parametrize("error", [NotSupportedError, Interruption])
def test_failed_version_check_is_repeated_and_keeps_no_place(site, monkeypatch, error):
    def refuse(self):
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(type(site.connection), "check_database_version_supported", refuse)
        for _ in range(5):
            with pytest.raises(error), site.request():
                site.run("SELECT 1")

    assert site.connection.connection is None
    assert site.stats["pool_lent"] == 0
    assert site.answer("SELECT 1") == [(1,)]


def test_control_raw_dbutils_goes_on_with_a_connection_half_set_up(
    make_naive_site, monkeypatch
):
    def refuse(self):
        raise NotSupportedError

    site = make_naive_site()
    wrapper_class = type(site.connection)
    with site.request():
        with monkeypatch.context() as patch, pytest.raises(NotSupportedError):
            patch.setattr(wrapper_class, "check_database_version_supported", refuse)
            site.run("SELECT 1")

        assert site.run("SELECT @@tx_isolation") == [("REPEATABLE-READ",)]


# 31: a password that changes


@pytest.fixture
def rotating(root):
    root.run("CREATE OR REPLACE USER rotating@'127.0.0.1' IDENTIFIED BY 'first'")
    root.run("GRANT ALL ON inkstone.* TO rotating@'127.0.0.1'")

    def rotate(password):
        root.run(f"ALTER USER rotating@'127.0.0.1' IDENTIFIED BY '{password}'")

    yield rotate
    root.run("DROP USER rotating@'127.0.0.1'")


def test_password_is_asked_for_at_each_connect(make_site, root, rotating):
    current = ["first"]
    site = make_site(USER="rotating", PASSWORD=lambda: current[0])
    site.answer("SELECT 1")
    rotating("second")
    current[0] = "second"

    old = site.answer_with_id()
    root.kill(old)

    assert site.answer_with_id() != old
    assert site.stats["connections_errors"] == 0


def test_failure_to_get_a_password_costs_no_place(make_site):
    def fail():
        raise ConnectionRefusedError("vault")

    site = make_site({"maxconnections": 1, "timeout": 1}, PASSWORD=fail)

    for _ in range(3):
        with pytest.raises(ConnectionRefusedError):
            site.answer("SELECT 1")

    assert site.stats["pool_size"] == 0
    assert site.stats["state"] == "open"


# TLS


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    folder = tmp_path_factory.mktemp("certificate")
    cert, key = folder / "cert.pem", folder / "key.pem"
    command = (
        "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost"
        f" -addext subjectAltName=IP:127.0.0.1 -out {cert} -keyout {key}"
    )
    try:
        subprocess.run(command.split(), check=True, capture_output=True)
    except FileNotFoundError:
        pytest.skip("needs the program openssl to make a certificate")
    return cert, key


@pytest.fixture(scope="module")
def tls_server(certificate):
    cert, key = certificate
    with MariaDB(ssl_cert=cert, ssl_key=key) as server:
        prepare(server)
        yield server


@pytest.fixture
def contexts(monkeypatch):
    """Count the TLS contexts that are built."""
    built = []
    build = driver.Connection._create_ssl_ctx

    def count(self, options):
        built.append(options)
        return build(self, options)

    monkeypatch.setattr(driver.Connection, "_create_ssl_ctx", count)
    return built


@pytest.fixture
def make_tls_site(tls_server, make_site):
    def make(**options):
        options = {"ssl_disabled": False, **options}
        return make_site(port=tls_server.port, options=options)

    return make


CIPHER = "SHOW SESSION STATUS LIKE 'Ssl_cipher'"


def test_one_tls_context_serves_all_connections(make_tls_site, contexts):
    site = make_tls_site()

    site.fill(5)

    assert len(contexts) == 1
    assert all(site.answer(CIPHER)[0][1] for _ in range(3))
    assert site.stats["connections_num"] == 5


def test_idle_tls_connection_is_silent(make_tls_site):
    site = make_tls_site()

    served_by = {site.answer_with_id() for _ in range(5)}

    assert len(served_by) == 1


def test_idle_tls_connection_that_was_killed_is_noticed(make_tls_site, tls_server):
    site, root = make_tls_site(), Root(tls_server)
    killed = site.answer_with_id()

    root.kill(killed)

    assert site.answer_with_id() != killed
    assert site.stats["discards"] == {"lost": 1}
    root.close()


def test_certificate_is_checked_for_later_connections_too(
    make_tls_site, certificate, tls_server
):
    site = make_tls_site(ssl={"ca": str(certificate[0])})
    site.fill(3)

    for _ in range(3):
        name, cipher = site.answer(CIPHER)[0]
        assert cipher
    assert site.pool._first.ctx.verify_mode == ssl.CERT_REQUIRED


def test_server_without_tls_is_refused_where_tls_is_required(
    make_site, certificate, server
):
    options = {"ssl": {"ca": str(certificate[0])}, "ssl_disabled": False}
    site = make_site(options=options)

    for _ in range(2):
        with pytest.raises(OperationalError, match="SSL is required"):
            site.answer("SELECT 1")


def test_reset_works_over_tls(make_tls_site):
    site = make_tls_site()
    with site.request():
        first = site.connection_id()
        site.run("SET @a = 1")

    assert site.answer("SELECT @a, CONNECTION_ID()") == [(None, first)]


def test_unix_socket_works_as_host(make_site, server):
    site = make_site(HOST=server.socket, PORT="")

    assert site.answer("SELECT SUBSTRING_INDEX(USER(), '@', -1)") == [("localhost",)]
    assert site.alias in connections

"""The pool under gevent and under ASGI."""

import pytest

from tests.core.db.faults.harness import PLAIN_ENGINE

POOL = {"maxconnections": 5, "timeout": 50}


# gevent


def test_greenlets_share_few_connections_without_a_failure(run, root):
    found = run("greenlets", "calm", pool=POOL)

    assert found["result"] == {"right": 1000}
    assert found["stats"]["connections_num"] == 5
    assert found["stats"]["pool_idle"] == found["stats"]["pool_size"] == 5


def test_timeouts_of_gevent_cost_no_place_and_mix_no_rows(run):
    found = run("greenlets", "strikes", pool=POOL)

    assert "wrong" not in found["result"]
    assert found["result"]["right"] >= 500
    assert found["result"]["timeout"] > 0
    assert found["result"]["places"] == [0, 1, 2, 3, 4]
    assert found["stats"]["pool_idle"] == found["stats"]["pool_size"] == 5


def test_timeout_of_gevent_while_a_command_is_written_mixes_nothing(run):
    found = run("greenlets", "strike_while_writing", pool={"maxconnections": 1})

    assert found["result"] == {"wrong": 0}
    assert found["stats"]["discards"]["interrupted"] > 0


def test_place_of_a_greenlet_that_ended_is_free_again(run):
    found = run("greenlets", "dead_greenlet", pool={"maxconnections": 1, "timeout": 5})

    assert found["result"] == {"answer": 1}
    assert found["stats"]["discards"] == {"thread ended": 1}


# 23: ASGI


def test_asgi_requests_share_connections_and_server_facts(run, proxy):
    found = run("asgi", "many", "500", pool=POOL, port=proxy.port)

    assert found["result"] == {"right": 500}
    assert found["stats"]["pool_size"] == found["stats"]["pool_idle"] <= 5
    assert found["stats"]["requests_errors"] == 0
    assert sum(b"VERSION()" in request for request in proxy.requests) == 1


def test_control_plain_django_asks_the_server_anew_in_each_asgi_request(run, proxy):
    found = run("asgi", "many", "20", engine=PLAIN_ENGINE, pool=None, port=proxy.port)

    assert found["result"] == {"right": 20}
    assert sum(b"VERSION()" in request for request in proxy.requests) > 20


@pytest.mark.parametrize("pool", [POOL, {"maxconnections": 2, "timeout": 30}])
def test_asgi_clients_that_leave_take_no_connection_with_them(run, pool):
    found = run("asgi", "impatient", pool=pool)

    assert found["result"] == {"right": 20}
    assert found["stats"]["pool_lent"] == 0
    assert found["stats"]["pool_size"] <= pool["maxconnections"]

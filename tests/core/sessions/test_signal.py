"""``session_set``: once per value that is set, whoever listens."""

import asyncio
import logging

import pytest

from core.sessions import SessionStore
from core.signals import session_set


@pytest.fixture
def heard():
    """What is sent, as (key, value); the sender and the session are checked."""
    found = []

    def listen(*, sender, session, key, value, **kwargs):
        assert sender is SessionStore
        assert isinstance(session, SessionStore)
        assert session[key] == value
        found.append((key, value))

    session_set.connect(listen)
    yield found
    session_set.disconnect(listen)


def test_setting_a_value_is_told(heard):
    session = SessionStore()

    session["a"] = 1

    assert heard == [("a", 1)]


def test_update_tells_each_value(heard):
    session = SessionStore()

    session.update({"a": 1, "b": 2})
    session.update([("c", 3)])

    assert heard == [("a", 1), ("b", 2), ("c", 3)]
    assert dict(session.items()) == {"a": 1, "b": 2, "c": 3}


def test_setdefault_tells_only_what_it_sets(heard):
    session = SessionStore()

    session.setdefault("a", 1)
    session.setdefault("a", 2)

    assert heard == [("a", 1)]


def test_reading_and_deleting_are_not_told(heard):
    session = SessionStore()
    session["a"] = 1
    heard.clear()

    session["a"], session.get("b")
    session.pop("a")
    session.clear()

    assert heard == []


def test_asynchronous_methods_tell_the_same(heard):
    async def act():
        session = SessionStore()
        await session.aset("a", 1)
        await session.aupdate({"b": 2})
        await session.asetdefault("c", 3)
        await session.asetdefault("c", 4)

    asyncio.run(act())

    assert heard == [("a", 1), ("b", 2), ("c", 3)]


def test_failing_receiver_harms_nobody_and_is_logged(heard, caplog):
    def fail(**kwargs):
        raise ZeroDivisionError

    session_set.connect(fail)
    session = SessionStore()

    with caplog.at_level(logging.ERROR):
        session["a"] = "secret"
    session_set.disconnect(fail)

    assert session["a"] == "secret"
    assert heard == [("a", "secret")]
    assert "fail" in caplog.text
    assert "secret" not in caplog.text

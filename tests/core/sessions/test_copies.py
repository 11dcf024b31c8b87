"""The copy in Redis: what it costs, when it is void, what it may not say."""

import json
import pickle
import re
import time
from types import SimpleNamespace

import pytest
from django.db import OperationalError, connections, transaction
from django.db.backends.utils import CursorWrapper

from core.caching.stores.redis import RedisChange
from core.sessions import SessionStore, SessionUnavailable, recent
from core.sessions.copies import COPY_SECONDS
from core.sessions.ids import digest_of
from core.sessions.models import Session
from tests.core.sessions.test_store import reopened, saved


def calls(server, action):
    """Count the commands that Redis carries out for an action."""
    with server.connect() as client:
        client.config_resetstat()
        action()
        stats = client.info("commandstats")
    return {
        name: stats[f"cmdstat_{name}"]["calls"]
        for name in ("mget", "eval")
        if f"cmdstat_{name}" in stats
    }


def entry_of(session, server):
    with server.connect() as client:
        (name,) = client.keys(f"*:entry:session:{digest_of(session.session_key)}")
    return name


def copy_of(session, server):
    with server.connect() as client:
        return client.get(entry_of(session, server)).partition(b'"')


def forge(session, server, copy):
    """Write a copy as somebody can who has all of Redis, but not SECRET_KEY."""
    stamps_and_times = copy_of(session, server)[0]
    with server.connect() as client:
        client.set(entry_of(session, server), stamps_and_times + copy, keepttl=True)


def test_second_read_costs_one_round_trip_and_no_query(
    copies, django_assert_num_queries
):
    session = saved(a=1)
    reopened(session).get("a")

    with django_assert_num_queries(0):
        assert calls(copies, lambda: reopened(session)["a"]) == {"mget": 1}


def test_no_copy_is_made_of_what_has_just_been_changed(
    copies, monkeypatch, django_assert_num_queries
):
    monkeypatch.setattr(recent, "RECENT_SECONDS", 60)
    session = saved(a=1)
    reopened(session).get("a")
    session["a"] = 2
    session.save()

    with django_assert_num_queries(1):
        assert calls(copies, lambda: reopened(session)["a"]) == {}
    assert reopened(session)["a"] == 2


def test_copies_are_made_again_later(copies, monkeypatch):
    session = saved(a=1)
    session["a"] = 2
    session.save()
    now = time.monotonic()
    monkeypatch.setattr(recent.time, "monotonic", lambda: now + 2)
    monkeypatch.setattr(recent, "RECENT_SECONDS", 1)

    reopened(session).get("a")

    assert copy_of(session, copies)


def test_only_recent_changes_are_remembered(monkeypatch):
    monkeypatch.setattr(recent, "_changes", {})
    monkeypatch.setattr(recent, "RECENT_SECONDS", 1)
    for second in range(100):
        monkeypatch.setattr(recent.time, "monotonic", lambda: 10 * second)  # noqa: B023
        recent.note_change(f"session {second}")

    assert list(recent._changes) == ["session 99"]


def test_save_writes_no_copy(copies):
    session = saved(a=1)
    session["a"] = 2
    session.save()

    with copies.connect() as client:
        assert client.keys("*:entry:*") == []


def test_change_costs_two_round_trips_and_a_statement_alone(
    copies, django_assert_num_queries
):
    session = saved(a=1)
    session["a"] = 2

    with django_assert_num_queries(1):
        assert calls(copies, session.save) == {"eval": 2}


def test_copy_is_void_when_the_writer_dies_before_he_can_say_so(copies, monkeypatch):
    session = saved(a=1)
    reopened(session)["a"]
    session["a"] = 2

    monkeypatch.setattr(RedisChange, "committed", lambda change: None)
    session.save()

    assert reopened(session)["a"] == 2


def test_no_copy_is_made_while_the_end_of_a_statement_is_unknown(copies, monkeypatch):
    session = saved(a=1)
    session["a"] = 2
    execute, lost = CursorWrapper._execute, []

    def lose_one_answer(self, sql, params, *args):
        result = execute(self, sql, params, *args)
        if sql.startswith("UPDATE") and not lost:
            lost.append(sql)
            raise OperationalError(2013, "Lost connection")
        return result

    with monkeypatch.context() as patch:
        patch.setattr(CursorWrapper, "_execute", lose_one_answer)
        backend = type(connections["default"])
        patch.setattr(backend, "is_commit_outcome_unknown", lambda self: True)
        session.save()

    assert len(lost) == 1
    for _ in range(2):
        assert reopened(session)["a"] == 2
    assert calls(copies, lambda: reopened(session)["a"]) != {"mget": 1}


def test_change_is_seen_in_the_next_read(copies):
    session = saved(a=1)
    for number in range(3):
        changed = reopened(session)
        changed["a"] = number
        changed.save()

        assert reopened(session)["a"] == number
        assert reopened(session)["a"] == number


def test_rolled_back_change_is_never_seen(copies):
    session = reopened(saved(a=1))
    session["a"]

    with transaction.atomic():
        session["a"] = 2
        session.save()
        transaction.set_rollback(True)

    assert reopened(session)["a"] == 1
    session.save()
    assert reopened(session)["a"] == 2


def test_end_of_a_session_voids_its_copy_and_no_other(copies):
    session, other = saved(a=1), saved(a=2)
    reopened(session)["a"], reopened(other)["a"]

    session.delete()

    assert reopened(session).get("a") is None
    assert calls(copies, lambda: reopened(other)["a"]) == {"mget": 1}


def test_made_up_id_leaves_no_trace_in_redis(copies):
    with copies.connect() as client:
        before = client.keys("*")

        assert SessionStore("a" * 43).get("a") is None

        assert client.keys("*") == before


def test_database_is_asked_while_redis_is_away(use_copies, redis_server):
    server = redis_server()
    use_copies(server)
    session = saved(a=1)
    reopened(session)["a"]

    server.kill()

    assert reopened(session)["a"] == 1
    changed = reopened(session)
    changed["a"] = 2
    changed.save()
    assert reopened(session)["a"] == 2


def test_copies_are_named_as_the_setting_says(copies, settings):
    settings.SESSION_KEY_PREFIX = "lqz:"
    session = saved(a=1)

    reopened(session)["a"]

    with copies.connect() as client:
        (name,) = client.keys("*:entry:*")
    assert name.decode().endswith(f":lqz:{digest_of(session.session_key)}")


def test_failing_database_is_no_anonymous_visitor(copies, monkeypatch):
    session = saved(a=1)

    def fail(*args):
        raise OperationalError(2013, "Lost connection")

    monkeypatch.setattr("core.sessions.rows.find", fail)
    late = reopened(session)

    with pytest.raises(SessionUnavailable, match="Lost connection"):
        late.get("a")
    assert late.session_key == session.session_key
    assert not late.is_empty()


FORGERIES = {
    "other data": json.dumps('1:9999999999.0:1.0:{"a":"forged"}').encode(),
    "a wrong signature": json.dumps(
        f'1:1:1:{{"a":"forged"}}:1rQeYP:{"A" * 43}'
    ).encode(),
    "no text": b'{"a": "forged"}',
    "a number": b"1",
    "a pickle": json.dumps(pickle.dumps({"a": "forged"}).decode("latin-1")).encode(),
}


@pytest.mark.parametrize("forgery", FORGERIES)
def test_forged_copy_is_ignored_and_replaced(copies, caplog, forgery):
    session = saved(a="true")
    reopened(session)["a"]

    forge(session, copies, FORGERIES[forgery])

    assert reopened(session)["a"] == "true"
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert reopened(session)["a"] == "true"
    assert len(caplog.records) == 1


def test_copy_of_another_session_does_not_fit(copies):
    mine, admins = saved(who="me"), saved(who="admin")
    reopened(mine)["who"], reopened(admins)["who"]

    forge(mine, copies, b"".join(copy_of(admins, copies)[1:]))

    assert reopened(mine)["who"] == "me"


def test_old_copy_cannot_be_played_back_for_ever(copies, monkeypatch):
    session = saved(a="old")
    reopened(session)["a"]
    old = b"".join(copy_of(session, copies)[1:])
    session["a"] = "new"
    session.save()
    reopened(session)["a"]
    later = time.time() + COPY_SECONDS + 1

    monkeypatch.setattr("django.core.signing.time", SimpleNamespace(time=lambda: later))
    forge(session, copies, old)

    assert reopened(session)["a"] == "new"


def test_dumps_of_database_and_redis_hold_no_usable_cookie(copies):
    session = saved(a=1)
    reopened(session)["a"]

    with copies.connect() as client:
        names = client.keys("*")
        dump = b"".join(names) + b"".join(
            client.get(name) for name in names if client.type(name) == b"string"
        )
    dump += repr(list(Session.objects.values_list())).encode()
    words = re.findall(r"[\w.-]{8,}", dump.decode("latin-1"), re.ASCII)

    assert digest_of(session.session_key) in words
    assert session.session_key.partition(".")[0].encode() not in dump
    assert [word for word in words if SessionStore(word).get("a")] == []

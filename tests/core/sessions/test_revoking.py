"""A user's sessions are listed and ended; expired ones are deleted in steps."""

from datetime import timedelta

import pytest
from django.contrib.sessions.backends.base import UpdateError
from django.core.management import call_command
from django.utils import timezone

from core.sessions import (
    SessionStore,
    expiring,
    list_sessions,
    revoke_all,
    revoke_session,
    rows,
)
from core.sessions.ids import digest_of
from core.sessions.models import Session
from core.sessions.visitors import device_of
from tests.core.sessions.test_store import reopened, saved
from tests.factories import make_user


def session_of(user):
    return saved(_auth_user_id=str(user.pk))


def is_alive(session):
    return reopened(session).get("_auth_user_id") is not None


@pytest.fixture
def user(storage):
    return make_user()


def test_sessions_of_a_user_are_listed_last_used_first(user):
    first, last, strangers = session_of(user), session_of(user), session_of(make_user())
    expired = session_of(user)
    Session.objects.filter(pk=digest_of(expired.session_key)).update(
        expire_date=timezone.now()
    )

    found = list_sessions(user)

    keys = [digest_of(session.session_key) for session in (last, first)]
    assert [row.pk for row in found] == keys
    assert digest_of(strangers.session_key) not in keys


def test_list_does_not_read_the_data(user, django_assert_num_queries):
    session_of(user)

    with django_assert_num_queries(1):
        (row,) = list_sessions(user)
        assert row.device == "Unknown device"
    assert "session_data" in row.get_deferred_fields()


@pytest.mark.parametrize("name", ["row", "key", "store", "cookie"])
def test_one_session_is_ended_at_once(user, name):
    session, other = session_of(user), session_of(user)
    assert is_alive(session)
    row = Session.objects.get(pk=digest_of(session.session_key))
    names = {
        "row": row,
        "key": row.pk,
        "store": session,
        "cookie": session.session_key,
    }

    assert revoke_session(user, names[name])

    assert not is_alive(session)
    assert is_alive(other)


def test_session_of_somebody_else_is_not_ended(user):
    theirs = session_of(make_user())

    assert not revoke_session(user, theirs)
    assert not revoke_session(user, "nonsense")

    assert is_alive(theirs)


def test_all_sessions_are_ended_but_one(user):
    mine, others = session_of(user), [session_of(user) for _ in range(3)]
    theirs = session_of(make_user())
    assert all(map(is_alive, others))

    assert revoke_all(user, keep=mine) == 3

    assert is_alive(mine)
    assert is_alive(theirs)
    assert not any(map(is_alive, others))


def test_all_sessions_are_ended(user):
    sessions = [session_of(user) for _ in range(2)]

    assert revoke_all(user) == 2

    assert not any(map(is_alive, sessions))


def test_request_under_way_does_not_bring_an_ended_session_back(user):
    session = reopened(session_of(user))
    session["_auth_user_id"]

    revoke_all(user)
    session["a"] = 1

    with pytest.raises(UpdateError):
        session.save()
    assert not Session.objects.exists()


@pytest.fixture
def small_steps(monkeypatch):
    monkeypatch.setattr(expiring, "STEP", 4)
    monkeypatch.setattr(expiring, "AT_ONCE", 2)


def expire(*sessions):
    keys = [digest_of(session.session_key) for session in sessions]
    moment = timezone.now() - timedelta(seconds=1)
    Session.objects.filter(pk__in=keys).update(expire_date=moment)


def test_expired_sessions_are_deleted_and_others_stay(storage, small_steps):
    alive = saved(a=1)
    expire(*[saved(a=2) for _ in range(11)])

    call_command("clearsessions")

    assert [row.pk for row in Session.objects.all()] == [digest_of(alive.session_key)]


def test_session_prolonged_meanwhile_is_not_deleted(storage, monkeypatch):
    session, other = saved(a=1), saved(a=1)
    expire(session, other)
    find = expiring._expired_keys

    def prolong_after():
        for keys in find():
            row = Session.objects.filter(pk=digest_of(session.session_key))
            row.update(expire_date=timezone.now() + timedelta(days=1))
            yield keys

    monkeypatch.setattr(expiring, "_expired_keys", prolong_after)

    assert expiring.delete_expired() == 1
    assert reopened(session)["a"] == 1


def test_clearing_leaves_the_copies_of_others_valid(copies, small_steps, monkeypatch):
    alive = saved(a=1)
    reopened(alive)["a"]
    expire(*[saved(a=2) for _ in range(5)])

    SessionStore.clear_expired()

    monkeypatch.setattr(rows, "find", lambda digest: pytest.fail("asked the row"))
    assert reopened(alive)["a"] == 1


MOZILLA = "Mozilla/5.0"


@pytest.mark.parametrize(
    ("agent", "device"),
    [
        (
            f"{MOZILLA} (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like "
            "Gecko) Chrome/141.0.0.0 Safari/537.36 Edg/141.0.0.0",
            "Edge on Windows",
        ),
        (
            f"{MOZILLA} (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) "
            "Chrome/141.0.0.0 Mobile Safari/537.36",
            "Chrome on Android",
        ),
        (
            f"{MOZILLA} (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 "
            "(KHTML, like Gecko) Version/18.6 Mobile/15E148 Safari/604.1",
            "Safari on iPhone",
        ),
        (
            f"{MOZILLA} (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 "
            "(KHTML, like Gecko) Mobile/15E148 MicroMessenger/8.0.60",
            "WeChat on iPhone",
        ),
        (
            f"{MOZILLA} (Macintosh; Intel Mac OS X 10.15; rv:140.0) Gecko/20100101 "
            "Firefox/140.0",
            "Firefox on macOS",
        ),
        ("curl/8.14.1", "curl"),
        ("", "Unknown device"),
    ],
)
def test_device_is_named(agent, device):
    assert device_of(agent) == device

"""What Django promises of a session engine, and what this one adds."""

import json
from datetime import timedelta

import pytest
from django.contrib.sessions.backends.base import CreateError, UpdateError
from django.core import signing
from django.utils import timezone

from core.sessions import SessionStore
from core.sessions.ids import digest_of, make_id
from core.sessions.models import Session

pytestmark = pytest.mark.django_db


def saved(**values):
    """Give a stored session, as the request that made it has it."""
    session = SessionStore()
    session.update(values)
    session.save()
    return session


def reopened(session):
    """Give the session as the next request with its cookie has it."""
    return SessionStore(session.session_key)


def row_of(session):
    return Session.objects.get(pk=digest_of(session.session_key))


def test_new_session_is_empty_and_stores_nothing():
    session = SessionStore()

    assert session.is_empty()
    assert dict(session.items()) == {}
    assert not session.modified
    assert not Session.objects.exists()


def test_what_is_saved_is_there_in_the_next_request():
    session = saved(name="Mo", basket=[1, {"2": None}])

    assert dict(reopened(session).items()) == {"name": "Mo", "basket": [1, {"2": None}]}


def test_every_way_of_changing_a_session_is_saved():
    session = saved(a=1, b=2, c=3)
    changed = reopened(session)

    changed["a"] = "set"
    del changed["b"]
    assert changed.pop("c") == 3
    assert changed.pop("missing", "default") == "default"
    changed.update({"d": 4})
    assert changed.setdefault("e", 5) == 5
    assert changed.setdefault("a", "no") == "set"
    changed.save()

    assert dict(reopened(session).items()) == {"a": "set", "d": 4, "e": 5}


def test_dictionary_interface():
    session = reopened(saved(a=1))

    assert "a" in session
    assert session.has_key("a")
    assert not session.has_key("b")
    assert session.get("a") == 1
    assert session.get("b", "default") == "default"
    assert list(session.keys()) == ["a"]
    assert list(session.values()) == [1]
    assert list(session.items()) == [("a", 1)]
    with pytest.raises(KeyError):
        session["b"]
    with pytest.raises(KeyError):
        session.pop("b")


def test_clear_empties_a_session_without_looking():
    session = saved(a=1, b=2)
    cleared = reopened(session)

    cleared.clear()
    cleared["c"] = 3
    cleared.save()

    assert dict(reopened(session).items()) == {"c": 3}


def test_change_inside_of_a_value_is_noticed():
    session = saved(basket=[])
    changed = reopened(session)
    changed["basket"]
    assert not changed.modified

    changed["basket"].append("ink")

    assert changed.modified
    changed.save()
    assert reopened(session)["basket"] == ["ink"]


@pytest.mark.parametrize(
    ("old", "new"), [(1, True), (1, 1.0), (0, False), ([1], [True])]
)
def test_values_that_are_equal_to_python_alone_are_a_change(old, new):
    session = saved(value=old)
    changed = reopened(session)

    changed["value"] = new
    changed.save()

    assert json.dumps(reopened(session)["value"]) == json.dumps(new)


def test_save_goes_on_from_the_save_before(django_assert_num_queries):
    session = saved(a=1)
    session["b"] = 2

    with django_assert_num_queries(1):
        session.save()
    session["c"] = 3
    with django_assert_num_queries(1):
        session.save()

    assert dict(reopened(session).items()) == {"a": 1, "b": 2, "c": 3}
    assert row_of(session).version == 3


def test_reading_costs_one_query_and_a_request_without_cookie_none(
    django_assert_num_queries,
):
    session = saved(a=1)

    with django_assert_num_queries(1):
        again = reopened(session)
        assert again["a"] == 1
        assert again.get("b") is None
    with django_assert_num_queries(0):
        assert SessionStore().get("a") is None


def test_flush_ends_the_session():
    session = saved(a=1)
    old = session.session_key

    session.flush()

    assert session.session_key is None
    assert session.is_empty()
    assert not Session.objects.exists()
    assert SessionStore(old).get("a") is None


def test_flushed_session_gets_a_new_id_when_it_is_used_again():
    session = saved(a=1)
    old = session.session_key

    session.flush()
    session["b"] = 2
    session.save()

    assert session.session_key != old
    assert dict(reopened(session).items()) == {"b": 2}


def test_cycle_key_moves_the_data_and_ends_the_old_id():
    session = reopened(saved(a=1))
    old = session.session_key
    session["b"] = 2

    session.cycle_key()

    assert session.session_key != old
    assert session.modified  # The cookie must be sent.
    assert dict(reopened(session).items()) == {"a": 1, "b": 2}
    assert Session.objects.count() == 1


def test_cycle_key_of_a_new_session_makes_one():
    session = SessionStore()

    session.cycle_key()

    assert session.exists(session.session_key)


def test_delete_and_exists():
    session, other = saved(a=1), saved(b=2)

    session.delete(other.session_key)
    assert session.exists(session.session_key)
    assert not session.exists(other.session_key)
    session.delete()
    session.delete()

    assert not session.exists(session.session_key)


def test_unknown_id_is_not_taken_over():
    theirs = make_id()
    session = SessionStore(theirs)

    session["a"] = 1
    session.save()

    assert session.session_key != theirs
    assert SessionStore(theirs).get("a") is None


def test_second_session_of_the_same_id_is_refused():
    session = saved(a=1)

    with pytest.raises(CreateError):
        reopened(session).save(must_create=True)


def test_ended_session_is_not_brought_back_by_a_save():
    session = saved(a=1)
    late = reopened(session)
    late["a"]

    session.delete()
    late["a"] = 2

    with pytest.raises(UpdateError):
        late.save()
    assert not Session.objects.exists()


def test_ended_session_is_not_brought_back_by_cleared_data():
    session = saved(a=1)
    late = reopened(session)
    late.clear()

    session.delete()

    with pytest.raises(UpdateError):
        late.save()


def test_expired_session_is_gone():
    session = saved(a=1)
    Session.objects.update(expire_date=timezone.now())

    late = reopened(session)

    assert late.get("a") is None
    assert late.session_key is None


@pytest.mark.parametrize(
    ("expiry", "seconds"),
    [
        (60, 60),
        (timedelta(minutes=2), 120),
        (lambda: timezone.now() + timedelta(days=1), 24 * 3600),
        (None, 14 * 24 * 3600),
        (0, 14 * 24 * 3600),
    ],
)
def test_expiry_of_a_session_is_that_of_its_row(expiry, seconds):
    session = saved(a=1)

    session.set_expiry(expiry() if callable(expiry) else expiry)
    session.save()

    left = row_of(session).expire_date - timezone.now()
    assert left.total_seconds() == pytest.approx(seconds, abs=60)
    assert reopened(session).get_expiry_age() == pytest.approx(seconds, abs=60)


def test_database_has_no_cookie_and_django_signs_the_data():
    session = saved(secret="tea")
    row = row_of(session)

    assert session.session_key not in str(vars(row))
    assert len(row.pk) == 64
    assert row.get_decoded() == {"secret": "tea"}
    assert signing.loads(row.session_data, salt=session.key_salt) == {"secret": "tea"}
    assert session.decode(session.encode({"a": 1})) == {"a": 1}


def test_damaged_row_is_a_new_session_and_one_warning(caplog):
    session = saved(a=1)
    Session.objects.update(session_data="gASVJgAAAAAAAACMBXBvc2l4lIwGc3lzdGVtlJOU")

    late = reopened(session)

    assert late.get("a") is None
    assert late.session_key is None
    assert [record.levelname for record in caplog.records] == ["WARNING"]


def test_row_of_another_serializer_is_a_new_session_and_one_warning(caplog):
    session = saved(a=1)
    data = signing.dumps("", salt=session.key_salt, serializer=Empty)
    Session.objects.update(session_data=data)

    late = reopened(session)

    assert late.get("a") is None
    assert late.session_key is None
    assert [record.levelname for record in caplog.records] == ["WARNING"]


class Empty:
    def dumps(self, value):
        return b"(not JSON)"


def test_what_is_no_json_is_refused_by_its_save():
    session = saved(a=1)
    session["b"] = object()

    with pytest.raises(TypeError, match="not JSON serializable"):
        session.save()

    assert dict(reopened(session).items()) == {"a": 1}

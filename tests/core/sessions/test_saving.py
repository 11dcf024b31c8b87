"""Requests that save one session at the same time, and databases that refuse."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.contrib.sessions.backends.base import UpdateError
from django.contrib.sessions.backends.db import SessionStore as DjangoStore
from django.contrib.sessions.exceptions import SessionInterrupted
from django.db import InterfaceError, OperationalError, connection, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.utils import CursorWrapper

from core.sessions import SessionStore, SessionUnavailable, rows
from core.sessions.models import Session
from tests.core.sessions.test_store import reopened, row_of, saved

DEADLOCK = OperationalError(1213, "Deadlock found when trying to get lock")
LOCK_WAIT = OperationalError(1205, "Lock wait timeout exceeded")
LOCKED = OperationalError("database is locked")
LOST = OperationalError(2013, "Lost connection to server during query")
REFUSED = OperationalError(2003, "Can't connect to server")

pytestmark = pytest.mark.usefixtures("transactional_db")


def in_threads(count, action):
    """Let so many requests run at once; each waits for all the others once."""
    barrier = threading.Barrier(count, timeout=30)

    def wait():
        connection.close()  # The pool has fewer than there are requests.
        barrier.wait()

    def run(number):
        try:
            return action(number, wait)
        finally:
            connection.close()

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(run, range(count)))


def set_own_key(session):
    def request(number, wait):
        mine = type(session)(session.session_key)
        mine[f"key{number}"] = number
        wait()  # All have loaded: none has seen what another sets.
        mine.save()

    return request


def test_keys_of_parallel_requests_all_survive(storage):
    session = saved(first=0)

    in_threads(20, set_own_key(session))

    expected = {"first": 0} | {f"key{number}": number for number in range(20)}
    assert dict(reopened(session).items()) == expected
    assert row_of(session).version == 21


def test_control_django_loses_keys_of_parallel_requests(storage):
    session = DjangoStore()
    session.save()

    in_threads(4, set_own_key(session))

    assert len(DjangoStore(session.session_key).keys()) == 1


def test_one_deletes_while_another_sets(storage):
    session = saved(a=1, b=2)
    one, other = reopened(session), reopened(session)
    del one["a"]
    other["c"] = 3

    one.save()
    other.save()

    assert dict(reopened(session).items()) == {"b": 2, "c": 3}
    assert dict(other.items()) == {"b": 2, "c": 3}


def test_of_two_values_for_one_key_the_last_saved_wins(storage):
    session = saved(a=0)
    one, other = reopened(session), reopened(session)
    one["a"] = 1
    other["a"] = 2

    other.save()
    one.save()

    assert reopened(session)["a"] == 1


def test_what_a_request_has_only_read_is_not_written_back(storage):
    session = saved(a=0, b=0)
    one, other = reopened(session), reopened(session)
    one["a"], other["a"]
    one["b"] = 1
    other["a"] = 2

    other.save()
    one.save()

    assert dict(reopened(session).items()) == {"a": 2, "b": 1}


def test_value_that_a_request_holds_stays_its_own_after_a_merge(storage):
    session = saved(basket=[])
    one, other = reopened(session), reopened(session)
    basket = one["basket"]
    one["a"] = 1
    other["b"] = 2
    other.save()
    one.save()

    basket.append("ink")
    one.save()

    assert reopened(session)["basket"] == ["ink"]


def test_counters_count_every_request_while_locked(storage):
    session = saved(visits=0)

    def count(number, wait):
        mine = reopened(session)
        mine["visits"]
        wait()
        with mine.locked():
            mine["visits"] += 1

    in_threads(8, count)

    assert reopened(session)["visits"] == 8


def test_locked_block_keeps_what_was_changed_before_it(storage):
    session = saved(visits=1)
    mine, other = reopened(session), reopened(session)
    mine["name"] = "Mo"
    other["visits"] = 5
    other.save()

    with mine.locked() as locked:
        locked["visits"] += 1

    assert dict(reopened(session).items()) == {"name": "Mo", "visits": 6}
    assert not reopened(session).modified


def test_locked_block_that_raises_changes_nothing(storage):
    session = saved(visits=1, basket=[])
    mine = reopened(session)

    with pytest.raises(ZeroDivisionError), mine.locked():
        mine["visits"] += 1
        mine["basket"].append("ink")
        raise ZeroDivisionError

    assert dict(mine.items()) == {"visits": 1, "basket": []}
    mine.save()
    assert dict(reopened(session).items()) == {"visits": 1, "basket": []}


def test_locked_block_of_a_new_visitor_makes_a_session(storage):
    session = SessionStore()

    with session.locked():
        session["visits"] = 1

    assert reopened(session)["visits"] == 1


def test_ended_session_cannot_be_locked(storage):
    session = saved(a=1)
    late = reopened(session)
    late["a"]
    session.delete()

    with pytest.raises(UpdateError), late.locked():
        pytest.fail("not reached")


def test_lock_is_not_taken_inside_of_a_transaction(storage):
    session = saved(a=1)

    with (
        pytest.raises(RuntimeError, match="durable"),
        transaction.atomic(),
        session.locked(),
    ):
        pytest.fail("not reached")


def test_save_in_a_rolled_back_transaction_is_made_up_for_by_the_next(storage):
    session = reopened(saved(a=1))
    with transaction.atomic():
        session["a"] = 2
        session.save()
        session["b"] = 3
        session.save()
        transaction.set_rollback(True)
    assert dict(reopened(session).items()) == {"a": 1}

    session.save()

    assert dict(reopened(session).items()) == {"a": 2, "b": 3}


def test_cycle_key_carries_over_what_others_have_saved(storage):
    session = saved(a=1)
    mine, other = reopened(session), reopened(session)
    mine["b"] = 2
    other["c"] = 3
    other.save()

    mine.cycle_key()

    assert dict(reopened(mine).items()) == {"a": 1, "b": 2, "c": 3}


def test_rolled_back_rotation_leaves_the_old_session(storage, monkeypatch):
    session = reopened(saved(a=1))
    old = session.session_key

    def fail(digests):
        raise REFUSED

    with monkeypatch.context() as patch:
        patch.setattr(rows, "delete", fail)
        with pytest.raises(SessionUnavailable):
            session.cycle_key()

    assert session.session_key == old
    assert Session.objects.count() == 1
    assert reopened(session)["a"] == 1


def test_session_of_a_user_that_was_ended_is_not_brought_back_by_rotation(storage):
    session = saved(_auth_user_id="1")
    late = reopened(session)
    late["_auth_user_id"]
    session.delete()

    with pytest.raises(SessionInterrupted):
        late.cycle_key()

    assert not Session.objects.exists()


@pytest.fixture
def failing(monkeypatch):
    """Let the next UPDATEs or DELETEs fail: ``failing("UPDATE", error, …)``.

    ``after``: the statement is carried out, only its answer is lost.
    """

    def fail(verb, *errors, after=False):
        real, waiting = CursorWrapper.execute, list(errors)

        def execute(self, sql, params=None):
            if not sql.startswith(verb) or "core_sessions" not in sql or not waiting:
                return real(self, sql, params)
            if after:
                real(self, sql, params)
            raise waiting.pop(0)

        monkeypatch.setattr(CursorWrapper, "execute", execute)

    return fail


@pytest.mark.parametrize("error", [DEADLOCK, LOCK_WAIT, LOCKED])
def test_refused_save_is_repeated(storage, failing, error):
    session = saved(a=1)
    session["a"] = 2

    failing("UPDATE", error, error, error)
    session.save()

    assert reopened(session)["a"] == 2


def test_save_that_is_refused_again_and_again_is_given_up(storage, failing):
    session = reopened(saved(a=1))
    session["a"] = 2

    failing("UPDATE", *[DEADLOCK] * 4)
    with pytest.raises(SessionUnavailable, match="Deadlock"):
        session.save()

    assert reopened(session)["a"] == 1
    session.save()
    assert reopened(session)["a"] == 2


def test_save_is_not_repeated_when_the_server_is_down(storage, failing):
    session = saved(a=1)
    session["a"] = 2

    failing("UPDATE", REFUSED)
    with pytest.raises(SessionUnavailable, match="Can't connect"):
        session.save()

    assert reopened(session)["a"] == 1


def test_save_is_not_repeated_inside_of_a_transaction(storage, failing):
    session = saved(a=1)
    session["a"] = 2

    failing("UPDATE", DEADLOCK)
    with pytest.raises(SessionUnavailable), transaction.atomic():
        session.save()

    assert reopened(session)["a"] == 1


@pytest.mark.parametrize("error", [LOST, InterfaceError(0, "")])
@pytest.mark.parametrize("has_happened", [True, False])
def test_lost_answer_to_a_save_is_found_out(storage, failing, error, has_happened):
    session = saved(a=1)
    session["a"] = 2

    failing("UPDATE", error, after=has_happened)
    session.save()

    assert reopened(session)["a"] == 2
    assert row_of(session).version == 2
    session["b"] = 3
    session.save()
    assert dict(reopened(session).items()) == {"a": 2, "b": 3}


def test_save_that_may_have_happened_is_not_done_twice(storage, monkeypatch):
    """Its answer is lost, and another request has saved before one can look."""
    session = saved(a=1)
    session["a"] = 2
    replace = rows.replace

    def lose_the_answer(*args, **columns):
        monkeypatch.setattr(rows, "replace", replace)
        replace(*args, **columns)
        other = reopened(session)
        other["a"] = 3
        other.save()
        raise LOST

    monkeypatch.setattr(rows, "replace", lose_the_answer)

    with pytest.raises(SessionUnavailable, match="may have been stored"):
        session.save()
    assert reopened(session)["a"] == 3


def test_lost_answer_is_not_forgotten_over_a_deadlock(storage, failing, monkeypatch):
    session = saved(a=1)
    session["a"] = 2
    find_locked, waiting = rows.find_locked, [DEADLOCK]

    def refuse_once(digest):
        if waiting:
            raise waiting.pop()
        return find_locked(digest)

    monkeypatch.setattr(rows, "find_locked", refuse_once)
    failing("UPDATE", LOST, after=True)
    session.save()

    assert row_of(session).version == 2


@pytest.mark.parametrize("error", [DEADLOCK, LOST])
def test_refused_or_lost_logout_is_repeated(storage, failing, error):
    session = saved(a=1)

    failing("DELETE", error, after=error is LOST)
    session.flush()

    assert not Session.objects.exists()


def test_lost_answer_to_a_rotation_is_found_out(storage, failing):
    session = reopened(saved(a=1))
    old = session.session_key

    failing("DELETE", LOST)
    session.cycle_key()

    assert session.session_key != old
    assert dict(reopened(session).items()) == {"a": 1}
    assert Session.objects.count() == 1


@pytest.fixture
def lost_commit(monkeypatch):
    """Let the answer to the next COMMIT be lost: ``lost_commit(has_happened)``."""

    def lose(has_happened):
        commit = BaseDatabaseWrapper._commit

        def lose_the_answer(self):
            monkeypatch.setattr(BaseDatabaseWrapper, "_commit", commit)
            if has_happened:
                commit(self)
            if self.vendor == "mysql":
                self.connection.connection._force_close()
            raise LOST

        monkeypatch.setattr(BaseDatabaseWrapper, "_commit", lose_the_answer)

    return lose


@pytest.mark.parametrize("has_happened", [True, False])
def test_lost_commit_of_a_save_is_found_out(storage, lost_commit, has_happened):
    session = saved(a=1)
    mine = reopened(session)
    mine.clear()  # Without having looked: saved under the row's lock.
    mine["b"] = 2

    lost_commit(has_happened)
    mine.save()

    assert dict(reopened(session).items()) == {"b": 2}
    assert row_of(session).version == 2


@pytest.mark.parametrize("has_happened", [True, False])
def test_lost_commit_of_a_rotation_is_found_out(storage, lost_commit, has_happened):
    session = reopened(saved(a=1))
    old = session.session_key

    session["a"]
    lost_commit(has_happened)
    session.cycle_key()

    assert session.session_key != old
    assert dict(reopened(session).items()) == {"a": 1}
    assert Session.objects.count() == 1


def test_first_save_is_repeated(storage, monkeypatch):
    insert, waiting = rows.insert, [DEADLOCK, LOST]

    def insert_late(*args, **columns):
        insert(*args, **columns) if not waiting else None
        if waiting:
            raise waiting.pop(0)

    monkeypatch.setattr(rows, "insert", insert_late)
    session = saved(a=1)

    assert reopened(session)["a"] == 1

"""What subscribers are told, when COMMIT succeeds, fails, or nobody knows."""

import pytest
from django.db import DatabaseError, InterfaceError, OperationalError

from core.db import hooks
from tests.core.db.faults.test_lost_connections import COMMIT


class Interruption(BaseException):
    pass


class Recorder(hooks.CommitSubscriber):
    def __init__(self, alias):
        self.alias, self.told = alias, []
        self.error = None

    def before_commit(self, connection):
        self.note("before_commit", connection)
        if self.error:
            raise self.error

    def after_commit(self, connection):
        self.note("after_commit", connection)

    def rolled_back(self, connection):
        self.note("rolled_back", connection)

    def outcome_unknown(self, connection):
        self.note("outcome_unknown", connection)

    def note(self, event, connection):
        if connection.alias == self.alias:
            self.told.append(event)


@pytest.fixture
def subscribe():
    subscribed = []

    def subscribe(site):
        subscribed.append(Recorder(site.alias))
        hooks.subscribe(subscribed[-1])
        return subscribed[-1]

    yield subscribe
    for recorder in subscribed:
        hooks.unsubscribe(recorder)


@pytest.fixture
def recorder(site, subscribe):
    return subscribe(site)


def insert(site, text="row"):
    site.run("INSERT INTO entries (text) VALUES (%s)", [text])


def test_commit_is_told_before_and_after(site, root, recorder):
    with site.request(), site.atomic():
        insert(site)

    assert recorder.told == ["before_commit", "after_commit"]


def test_rollback_is_told_once(site, recorder):
    with pytest.raises(ZeroDivisionError), site.request(), site.atomic():
        insert(site)
        raise ZeroDivisionError

    assert recorder.told == ["rolled_back"]


def test_statements_before_commit_are_part_of_the_transaction(site, root, recorder):
    recorder.before_commit = lambda connection: insert(site, "of the subscriber")

    with site.request(), site.atomic():
        insert(site)

    assert root.entries() == ["row", "of the subscriber"]


@pytest.mark.parametrize("error", [ValueError("no"), DatabaseError("no")])
def test_subscriber_that_fails_before_commit_rolls_back(site, root, recorder, error):
    recorder.error = error

    with pytest.raises(DatabaseError), site.request(), site.atomic():
        insert(site)

    assert root.entries() == []
    assert recorder.told == ["before_commit", "rolled_back"]


def test_interruption_before_commit_rolls_back(site, root, recorder):
    recorder.error = Interruption()

    with pytest.raises(Interruption), site.request(), site.atomic():
        insert(site)

    assert root.entries() == []
    assert recorder.told == ["before_commit", "rolled_back"]


def test_interruption_during_commit_is_seen_as_itself(site, recorder, monkeypatch):
    def interrupted(connection):
        connection._execute_command(3, "COMMIT")
        raise Interruption

    monkeypatch.setattr("pymysql.connections.Connection.commit", interrupted)

    with pytest.raises(Interruption), site.request(), site.atomic():
        insert(site)

    assert recorder.told == ["before_commit", "outcome_unknown"]
    assert site.answer("SELECT 1") == [(1,)]


def test_interruption_during_rollback_commits_nothing(
    site, root, recorder, monkeypatch
):
    def interrupted(connection):
        raise Interruption

    with monkeypatch.context() as patch:
        patch.setattr("pymysql.connections.Connection.rollback", interrupted)
        with pytest.raises(Interruption), site.request(), site.atomic():
            insert(site)
            raise ZeroDivisionError

    assert root.entries() == []
    assert recorder.told == ["rolled_back"]
    assert site.answer("SELECT 1") == [(1,)]


def test_failing_subscriber_after_commit_is_logged_and_harms_nobody(
    site, root, subscribe, caplog
):
    failing, other = subscribe(site), subscribe(site)
    failing.after_commit = lambda connection: 1 / 0

    with site.request(), site.atomic():
        insert(site)

    assert root.entries() == ["row"]
    assert other.told == ["before_commit", "after_commit"]
    assert "ZeroDivisionError" in caplog.text


def test_lost_answer_to_commit_is_told_as_unknown(make_site, root, subscribe, proxy):
    site = make_site(port=proxy.port)
    recorder = subscribe(site)
    proxy.cut_after = COMMIT

    with pytest.raises(OperationalError), site.request(), site.atomic():
        insert(site)

    assert recorder.told == ["before_commit", "outcome_unknown"]
    assert root.entries() == ["row"]


def test_transaction_that_was_killed_is_told_as_rolled_back(site, root, recorder):
    with pytest.raises(OperationalError), site.request(), site.atomic():
        insert(site)
        root.kill(site.connection_id())
        insert(site)

    assert recorder.told == ["rolled_back"]


def test_next_transaction_after_an_unknown_outcome_is_told_again(
    make_site, root, subscribe, proxy
):
    site = make_site(port=proxy.port)
    recorder = subscribe(site)
    proxy.cut_after = COMMIT
    with pytest.raises(OperationalError), site.request(), site.atomic():
        insert(site)
    proxy.cut_after = b""
    recorder.told.clear()

    with pytest.raises(ZeroDivisionError), site.request(), site.atomic():
        raise ZeroDivisionError

    assert recorder.told == ["rolled_back"]


def test_close_inside_atomic_is_told_as_rolled_back(site, recorder):
    with site.request(), site.atomic():
        insert(site)
        site.connection.close()

    assert recorder.told == ["rolled_back"]


def test_close_of_a_transaction_without_atomic_is_told_as_rolled_back(site, recorder):
    with site.request():
        site.connection.set_autocommit(False)
        insert(site)

    assert recorder.told == ["rolled_back"]


def test_rollback_to_a_savepoint_is_not_told(site, recorder):
    with site.request(), site.atomic():
        with pytest.raises(ZeroDivisionError), site.atomic():
            raise ZeroDivisionError
        insert(site)

    assert recorder.told == ["before_commit", "after_commit"]


def test_statement_outside_of_transactions_is_not_told(site, recorder):
    with site.request():
        insert(site)

    assert recorder.told == []


def test_commit_that_the_server_refuses_is_told_as_rolled_back(
    site, root, recorder, monkeypatch
):
    def refused(connection):
        connection.query("SELECT no_such_column")

    monkeypatch.setattr("pymysql.connections.Connection.commit", refused)

    with pytest.raises(DatabaseError), site.request(), site.atomic():
        insert(site)

    assert recorder.told == ["before_commit", "rolled_back"]
    assert root.entries() == []
    assert site.stats["connections_lost"] == 0


def test_interface_error_of_a_stale_block_is_not_told_as_commit(site, recorder):
    with pytest.raises(InterfaceError), site.request(), site.atomic():
        insert(site)
        site.connection.connection.close()
        insert(site)

    assert recorder.told == ["rolled_back"]


def test_transaction_after_a_failed_rollback_is_told_as_any_other(site, root, recorder):
    with pytest.raises(OperationalError), site.request(), site.atomic():
        root.kill(site.connection_id())
        insert(site)
    recorder.told.clear()

    with site.request(), site.atomic():
        insert(site)
        site.connection.close()

    assert recorder.told == ["rolled_back"]

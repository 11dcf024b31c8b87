import logging

import pytest
from django.db import DatabaseError, IntegrityError, OperationalError, transaction

from core.db import hooks
from core.db.hooks import CommitSubscriber
from core.db.queries import fetch_all


class Recorder(CommitSubscriber):
    """Writes down what it is told; ``failing`` maps an event to what it raises."""

    def __init__(self, events, **failing):
        self.events = events
        self.failing = failing

    def _note(self, event):
        self.events.append(event)
        if event in self.failing:
            raise self.failing[event]

    def before_commit(self, connection):
        self._note("before_commit")

    def after_commit(self, connection):
        self._note("after_commit")

    def rolled_back(self, connection):
        self._note("rolled_back")

    def outcome_unknown(self, connection):
        self._note("outcome_unknown")


@pytest.fixture
def subscribe(database):
    """Subscribe for this test: ``subscribe(subscriber)`` gives it back."""
    subscribed = []

    def add(subscriber):
        hooks.subscribe(subscriber)
        subscribed.append(subscriber)
        return subscriber

    yield add
    for subscriber in subscribed:
        hooks.unsubscribe(subscriber)


@pytest.fixture
def events(subscribe):
    """What a subscriber was told, in order; ``note()`` and callbacks may add."""
    return subscribe(Recorder([])).events


def note(number=1):
    fetch_all("INSERT INTO noted VALUES (%s)", [number])


def noted():
    return [number for (number,) in fetch_all("SELECT a FROM noted ORDER BY a")]


def test_commit_is_told_before_and_after(events):
    with transaction.atomic():
        note()
        assert events == []

    assert events == ["before_commit", "after_commit"]


def test_after_commit_precedes_the_callbacks_of_on_commit(events):
    with transaction.atomic():
        transaction.on_commit(lambda: events.append("on_commit"))

    assert events == ["before_commit", "after_commit", "on_commit"]


def test_before_commit_writes_in_the_transaction(subscribe, database):
    class Writer(CommitSubscriber):
        def before_commit(self, connection):
            assert connection is database
            note(2)

    subscribe(Writer())

    with transaction.atomic():
        note(1)

    assert noted() == [1, 2]


def test_after_commit_finds_the_transaction_over(subscribe):
    seen = []

    class Reader(CommitSubscriber):
        def after_commit(self, connection):
            seen.append(noted())

    subscribe(Reader())

    with transaction.atomic():
        note()

    assert seen == [[1]]


def test_rollback_is_told_alone(events):
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        note()
        raise ZeroDivisionError

    assert events == ["rolled_back"]


def test_rollback_to_a_savepoint_is_not_told(events):
    with transaction.atomic():
        note(1)
        with pytest.raises(ZeroDivisionError), transaction.atomic():
            note(2)
            raise ZeroDivisionError
        assert events == []

    assert events == ["before_commit", "after_commit"]
    assert noted() == [1]


def test_end_of_a_savepoint_is_not_told(events):
    with transaction.atomic():
        with transaction.atomic():
            note()
        assert events == []

    assert events == ["before_commit", "after_commit"]


def test_statement_outside_of_transactions_is_not_told(events):
    note()

    assert events == []


def test_commit_and_rollback_by_hand_are_told(events):
    transaction.set_autocommit(False)
    try:
        note(1)
        transaction.commit()
        note(2)
        transaction.rollback()
    finally:
        transaction.set_autocommit(True)

    assert events == ["before_commit", "after_commit", "rolled_back"]
    assert noted() == [1]


@pytest.fixture
def manual_transaction(database):
    """A transaction begun by hand; a test may end it by ``set_autocommit(True)``."""
    transaction.set_autocommit(False)
    yield
    if not database.autocommit:
        transaction.rollback()
        transaction.set_autocommit(True)


def test_switching_autocommit_on_is_told_as_the_commit_that_it_is(
    events, manual_transaction
):
    note()

    transaction.set_autocommit(True)

    assert events == ["before_commit", "after_commit"]
    assert noted() == [1]


def test_before_commit_precedes_the_commit_by_autocommit(subscribe, manual_transaction):
    subscribe(Recorder([], before_commit=ValueError("no")))
    note()

    with pytest.raises(DatabaseError):
        transaction.set_autocommit(True)
    transaction.rollback()

    assert noted() == []


def test_after_commit_follows_the_commit_by_autocommit(subscribe, manual_transaction):
    in_transaction = []

    class Reader(CommitSubscriber):
        def after_commit(self, connection):
            in_transaction.append(connection.is_transaction_open())

    subscribe(Reader())
    note()

    transaction.set_autocommit(True)

    assert in_transaction == [False]


def test_switching_autocommit_on_after_a_commit_tells_what_came_later(
    events, manual_transaction
):
    note(1)
    transaction.commit()
    note(2)

    transaction.set_autocommit(True)

    assert events == ["before_commit", "after_commit"] * 2
    assert noted() == [1, 2]


@pytest.mark.parametrize(
    ("end", "told"),
    [
        (transaction.commit, ["before_commit", "after_commit"]),
        (transaction.rollback, ["rolled_back"]),
    ],
)
def test_switching_autocommit_on_after_the_end_is_not_told(
    events, manual_transaction, end, told
):
    note()
    end()

    transaction.set_autocommit(True)

    assert events == told


def test_manual_transaction_without_a_statement_is_told(events, manual_transaction):
    transaction.set_autocommit(True)

    assert events == ["before_commit", "after_commit"]


def test_connection_closed_in_a_transaction_is_a_rollback(events, database):
    with transaction.atomic():
        note()
        database.close()
        database.close()

    assert events == ["rolled_back"]
    assert noted() == []


@pytest.mark.parametrize("failure", [DatabaseError("no"), ValueError("no")])
def test_failing_before_commit_rolls_back(subscribe, failure):
    first = subscribe(Recorder([]))
    subscribe(Recorder([], before_commit=failure))

    with pytest.raises(DatabaseError), transaction.atomic():
        note()

    assert first.events == ["before_commit", "rolled_back"]
    assert noted() == []


def test_failure_before_commit_is_the_cause_of_the_error(subscribe):
    failure = ValueError("no")
    subscribe(Recorder([], before_commit=failure))

    with (
        pytest.raises(DatabaseError, match="failed before COMMIT") as caught,
        transaction.atomic(),
    ):
        note()

    assert caught.value.__cause__ is failure


def test_failing_after_commit_is_logged_and_stops_nobody(subscribe, caplog):
    subscribe(Recorder([], after_commit=ValueError("no")))
    second = subscribe(Recorder([]))

    with transaction.atomic():
        note()
        transaction.on_commit(lambda: second.events.append("on_commit"))

    assert second.events == ["before_commit", "after_commit", "on_commit"]
    assert noted() == [1]
    (record,) = caplog.records
    assert record.levelno == logging.ERROR
    assert "failed in after_commit" in record.getMessage()


def test_failing_rolled_back_is_logged_and_stops_nobody(subscribe, caplog):
    subscribe(Recorder([], rolled_back=ValueError("no")))
    second = subscribe(Recorder([]))

    with pytest.raises(ZeroDivisionError), transaction.atomic():
        raise ZeroDivisionError

    assert second.events == ["rolled_back"]
    assert "failed in rolled_back" in caplog.text


def test_subscriber_is_told_once_however_often_it_subscribes(subscribe):
    subscriber = subscribe(Recorder([]))
    hooks.subscribe(subscriber)

    with transaction.atomic():
        note()

    assert subscriber.events == ["before_commit", "after_commit"]


def test_subscriber_that_leaves_before_commit_hides_nobody(
    subscribe,
):
    class Once(CommitSubscriber):
        def before_commit(self, connection):
            hooks.unsubscribe(self)

    hooks.subscribe(Once())
    later = subscribe(Recorder([]))

    with transaction.atomic():
        note()

    assert later.events == ["before_commit", "after_commit"]


def test_subscriber_that_leaves_after_commit_hides_nobody(subscribe):
    class Once(CommitSubscriber):
        def after_commit(self, connection):
            hooks.unsubscribe(self)

    hooks.subscribe(Once())
    later = subscribe(Recorder([]))

    with transaction.atomic():
        note()

    assert later.events == ["before_commit", "after_commit"]


def test_every_transaction_is_told_anew(events):
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        raise ZeroDivisionError
    with transaction.atomic():
        note()

    assert events == ["rolled_back", "before_commit", "after_commit"]


@pytest.mark.parametrize("database", ["mysql"], indirect=True)
def test_connection_lost_in_commit_leaves_the_outcome_unknown(events, mysql_server):
    class Killer(CommitSubscriber):
        def before_commit(self, connection):
            hooks.unsubscribe(killer)
            with mysql_server.connect() as root:
                root.kill(connection.connection.thread_id())

    killer = Killer()
    hooks.subscribe(killer)

    with pytest.raises(OperationalError), transaction.atomic():
        note()
    assert events == ["before_commit", "outcome_unknown"]

    with transaction.atomic():
        note()
    assert events[2:] == ["before_commit", "after_commit"]


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_commit_that_the_database_refuses_is_a_rollback(events):
    fetch_all("CREATE TABLE parent (id INTEGER PRIMARY KEY)")
    reference = "REFERENCES parent DEFERRABLE INITIALLY DEFERRED"
    fetch_all(f"CREATE TABLE child (parent INTEGER {reference})")

    with pytest.raises(IntegrityError), transaction.atomic():
        note()
        fetch_all("INSERT INTO child VALUES (1)")

    assert events == ["before_commit", "rolled_back"]
    assert noted() == []

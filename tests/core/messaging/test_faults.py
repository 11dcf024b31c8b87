"""Lost processes, providers and databases: what was committed is sent, and only that.

Each of the first three faults meets the usual recipes, too, and they fail it.
"""

import logging
import os
import signal
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import OperationalError, connection, transaction
from django.utils import timezone

from accounts.models import User
from core.db import hooks
from core.messaging import queue, sms
from core.messaging.clock import ServerNow
from core.messaging.models import Message
from core.messaging.worker import Worker
from tests.core.caching.processes import run, running
from tests.core.messaging.processes import PHONE, drain, message, work
from tests.factories import make_user
from tests.waiting import wait_until

pytestmark = pytest.mark.usefixtures("transactional_db")


@pytest.fixture(autouse=True)
def quick_lease(settings):
    settings.MESSAGES_LEASE_SECONDS = 1.0


def send_now():
    """Send as a ``post_save`` handler usually does: at once, in the transaction."""
    backend = sms.get_connection()
    backend.send_messages([sms.SMS(id="naive", to=PHONE, body="Welcome")])


def send_on_commit():
    transaction.on_commit(send_now)


def sign_up(send):
    with transaction.atomic():
        make_user()
        send()


def statuses():
    return Counter(Message.objects.values_list("status", flat=True))


def all_sent():
    return set(statuses()) == {"sent"}


def test_rolled_back_user_gets_no_message(provider):
    def fail_to_sign_up():
        with transaction.atomic():
            sign_up(message)
            transaction.set_rollback(True)

    assert run(fail_to_sign_up) == run(drain) == [0]

    assert not User.objects.exists()
    assert not provider.sent()


def test_control_rolled_back_user_gets_a_message(provider):
    def fail_to_sign_up():
        with transaction.atomic():
            sign_up(send_now)
            transaction.set_rollback(True)

    assert run(fail_to_sign_up) == [0]

    assert not User.objects.exists()
    assert provider.sent() == {"naive": 1}


class Dying(hooks.CommitSubscriber):
    def after_commit(self, connection):
        os._exit(9)


def die_after_commit(send):
    """Sign up in a process that ends between the commit and all that follows it."""
    hooks._subscribers.insert(0, Dying())
    sign_up(send)


def test_process_killed_after_the_commit_loses_no_message(provider):
    assert run(lambda: die_after_commit(message)) == [9]
    assert run(drain) == [0]

    assert User.objects.count() == 1
    assert list(provider.sent().values()) == [1]


def test_control_process_killed_after_the_commit_loses_its_message(provider):
    assert run(lambda: die_after_commit(send_on_commit)) == [9]
    assert run(drain) == [0]

    assert User.objects.count() == 1
    assert not provider.sent()


def kill_while_sending(provider, function):
    """Run a function in a process, and kill -9 it while the provider has a message."""
    provider.hold()
    with running(function) as (process,):
        wait_until(provider.begun)
        process.kill()
        process.join()
    provider.release()


def test_worker_killed_while_sending_is_replaced(provider):
    sign_up(message)

    kill_while_sending(provider, work)
    with running(work):
        wait_until(provider.sent, timeout=30)

    (sent,) = Message.objects.all()
    assert provider.begun() == {str(sent.uuid): 2}
    assert provider.sent() == {str(sent.uuid): 1}


@pytest.mark.parametrize("send", [send_now, send_on_commit])
def test_control_process_killed_while_sending_is_not_replaced(provider, send):
    kill_while_sending(provider, lambda: sign_up(send))
    assert run(drain) == [0]

    assert not provider.sent()


def enqueue(count):
    with transaction.atomic():
        for number in range(count):
            message(to=f"+86138{number:08}")


@pytest.fixture(params=[True, False], ids=["skip locked", "compare and set"])
def both_ways(request, monkeypatch):
    name = "has_select_for_update_skip_locked"
    if request.param and not getattr(connection.features, name):
        pytest.skip("the database cannot skip locked rows")
    monkeypatch.setattr(connection.features, name, request.param)


def test_four_workers_send_a_thousand_messages_once_each(settings, provider, both_ways):
    settings.MESSAGES_LEASE_SECONDS = 60
    enqueue(1000)

    with running(work, work, work, work):
        wait_until(all_sent, timeout=120)

    ids = {str(uuid) for uuid in Message.objects.values_list("uuid", flat=True)}
    assert len(ids) == 1000
    assert provider.sent() == dict.fromkeys(ids, 1)


def passes(seconds):
    """Wait until so many seconds have passed on the clock of the database."""
    start = server_now()
    wait_until(lambda: server_now() > start + timedelta(seconds=seconds), timeout=30)


def server_now():
    now = Message.objects.values_list(ServerNow(), flat=True).first()
    assert now
    return now


def test_slow_provider_costs_no_worker_its_lease(settings, provider):
    settings.MESSAGES_LEASE_SECONDS = 3
    enqueue(2)
    provider.hold()

    with running(work, work):
        wait_until(provider.begun)
        passes(seconds=5)
        provider.release()
        wait_until(all_sent, timeout=30)

    assert set(provider.begun().values()) == {1}


def shifted(seconds, function):
    """Let a process live by a wrong clock."""

    def run():
        usual_time, usual_now = time.time, timezone.now
        time.time = lambda: usual_time() + seconds
        timezone.now = lambda: usual_now() + timedelta(seconds=seconds)
        function()

    return run


def test_clocks_of_the_workers_do_not_matter(settings, provider):
    settings.MESSAGES_LEASE_SECONDS = 3
    enqueue(2)
    later = message(not_before=timezone.now() + timedelta(minutes=30))
    provider.hold()

    with running(shifted(3600, work), shifted(-3600, work)):
        wait_until(provider.begun)
        passes(seconds=5)
        provider.release()
        wait_until(lambda: statuses() == {"sent": 2, "queued": 1}, timeout=30)
        passes(seconds=1)

    assert set(provider.begun().values()) == {1}
    later.refresh_from_db()
    assert (later.status, later.attempts) == ("queued", 0)


def test_clock_of_the_process_that_enqueues_does_not_matter(provider):
    assert run(shifted(3600, message)) == run(drain) == [0]

    assert len(provider.sent()) == 1


def test_sigterm_lets_the_message_in_hand_be_finished(provider):
    enqueue(5)
    provider.hold()

    with running(work) as (process,):
        wait_until(provider.begun)
        os.kill(process.pid, signal.SIGTERM)
        provider.release()
        process.join(30)
        assert process.exitcode == 0

    rows = Message.objects.order_by("id").values_list("status", "attempts", "lease")
    assert list(rows) == [("sent", 1, None)] + [("queued", 0, None)] * 4


def test_second_sigterm_ends_at_once(provider):
    message()
    provider.hold()

    with running(work) as (process,):
        wait_until(provider.begun)
        wait_until(lambda: (os.kill(process.pid, signal.SIGTERM), process.exitcode)[1])
        assert process.exitcode == -signal.SIGTERM
    provider.release()


def test_running_worker_finds_new_messages(provider):
    with running(work):
        message()
        wait_until(lambda: len(provider.sent()) == 1)
        message()
        wait_until(lambda: len(provider.sent()) == 2)


def test_key_is_taken_once_by_processes_at_the_same_time(provider):
    def enqueue_all():
        for number in range(30):
            with transaction.atomic():
                make_user(username=f"{os.getpid()}-{number}")
                message(dedupe_key=f"key:{number}")

    assert run(enqueue_all, enqueue_all, enqueue_all) == [0, 0, 0]

    assert User.objects.count() == 90
    assert Message.objects.count() == 30


def test_outage_is_logged_at_its_begin_and_its_end(monkeypatch, caplog, sms_outbox):
    """The message that was sent when the outage began is marked when it ends."""
    caplog.set_level(logging.INFO, logger="core.messaging")
    message()
    failures = [OperationalError(2013, "lost")] * 3
    settle, worker = queue.settle, Worker("default")

    def fail_first(rows, outcome):
        if failures:
            raise failures.pop()
        return settle(rows, outcome)

    monkeypatch.setattr(queue, "settle", fail_first)
    monkeypatch.setattr("core.messaging.worker.SECONDS_BETWEEN_TRIES", 0)
    worker.run(worker.stop)

    assert [record.message for record in caplog.records] == [
        "messages wait for the database: (2013, 'lost')",
        "messages go on: the database answers again",
    ]
    assert len(sms_outbox) == 1
    assert (Message.objects.get().status, Message.objects.get().attempts) == ("sent", 1)


@pytest.fixture
def own_server(mariadb_server, use_mysql):
    if connection.vendor == "sqlite":
        pytest.skip("needs a server")
    server = mariadb_server()
    with use_mysql(server=server).schema_editor() as editor:
        editor.create_model(Message)
    return server


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_workers_go_on_after_the_database_was_away(settings, provider, own_server, end):
    settings.MESSAGES_LEASE_SECONDS = 60
    enqueue(30)
    connection.close()
    provider.hold()

    with running(work, work) as workers:
        wait_until(lambda: len(provider.begun()) == 2)
        getattr(own_server, end)()
        provider.release()
        wait_until(lambda: len(provider.sent()) >= 2)
        own_server.start()
        enqueue(10)
        wait_until(all_sent, timeout=60)
        assert [process.is_alive() for process in workers] == [True, True]

    assert len(provider.begun()) == 40
    assert set(provider.begun().values()) == {1}


@pytest.mark.skipif("connection.vendor == 'sqlite'", reason="has one isolation level")
def test_key_that_an_old_snapshot_does_not_show_is_found():
    def enqueue_there():
        try:
            return message(dedupe_key="key")
        finally:
            connection.close()

    level = "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ"
    connection.cursor().execute(level)
    with ThreadPoolExecutor(1) as pool, transaction.atomic():
        assert not Message.objects.exists()
        first = pool.submit(enqueue_there).result(10)

        assert message(dedupe_key="key") == first
        make_user(username="mei")
    connection.close()

    assert Message.objects.count() == User.objects.count() == 1

"""Delivery by a thread of the process that enqueues."""

import os
import subprocess
import sys
import threading

import pytest
from django.conf import settings as site
from django.core.signals import request_started
from django.db import transaction

from core.messaging import courier
from core.messaging.clock import ServerNow
from core.messaging.models import Message
from tests.core.caching.processes import run, running
from tests.core.messaging.processes import message
from tests.waiting import wait_until


@pytest.fixture(autouse=True)
def in_process(settings, provider, transactional_db):
    settings.MESSAGES_DELIVERY = "in_process"
    settings.MESSAGES_LEASE_SECONDS = 1.0
    yield
    for name in list(courier._couriers):
        courier._couriers.pop(name)._leave()


def is_sent():
    return Message.objects.get().status == "sent"


def threads():
    return [thread.name for thread in threading.enumerate()].count("messages")


def test_message_is_sent_after_the_commit(provider):
    with transaction.atomic():
        message()
        assert threads() == 0

    wait_until(is_sent)
    assert threads() == 1


def test_nothing_is_sent_after_a_rollback(provider):
    with transaction.atomic():
        message()
        transaction.set_rollback(True)
    message()

    wait_until(is_sent)

    assert len(provider.begun()) == 1


def test_nobody_waits_for_a_slow_provider(provider):
    provider.hold()
    message()
    wait_until(provider.begun)

    message()

    assert Message.objects.count() == 2
    assert not provider.sent()
    provider.release()
    wait_until(lambda: len(provider.sent()) == 2)


def test_nobody_hears_of_a_failing_provider(provider):
    provider.refuse("temporary")

    message()

    wait_until(lambda: Message.objects.filter(status="queued", attempts=1).exists())


def test_message_that_failed_is_tried_again(provider):
    provider.refuse("temporary")
    message()
    wait_until(lambda: Message.objects.filter(status="queued", attempts=1).exists())
    provider.refuse("")
    Message.objects.update(not_before=ServerNow())

    message()

    wait_until(lambda: len(provider.sent()) == 2)


def test_one_thread_serves_the_process(provider):
    for _ in range(5):
        message()
    wait_until(lambda: len(provider.sent()) == 5)

    assert threads() == 1


def die_after_enqueueing():
    courier.courier("default").wake = lambda: None
    message()
    os._exit(9)


def test_first_request_looks_for_what_was_left_behind(provider, client):
    assert run(die_after_enqueueing) == [9]
    request_started.connect(courier.deliver_leftovers, dispatch_uid=courier.LEFTOVERS)

    client.get("/healthz")

    wait_until(is_sent)


def enqueue_and_stay():
    message()
    threading.Event().wait(30)


def test_message_of_a_killed_process_goes_to_another(provider):
    provider.hold()
    with running(enqueue_and_stay) as (process,):
        wait_until(provider.begun)
        process.kill()
        process.join()
    provider.release()

    courier.courier("default").wake()

    wait_until(is_sent, timeout=30)
    assert set(provider.begun().values()) == {2}


def test_processes_share_the_work(provider):
    def enqueue():
        for _ in range(100):
            message()
        wait_until(lambda: not Message.objects.exclude(status="sent").exists())

    assert run(enqueue, enqueue) == [0, 0]

    assert len(provider.sent()) == 200
    assert set(provider.sent().values()) == {1}


def test_thread_is_not_expected_to_survive_a_fork(provider):
    message()
    wait_until(is_sent)

    def count():
        os._exit(len(courier._couriers))

    assert run(count) == [0]


def test_command_that_ends_delivers_before_it_does(provider):
    script = "from tests.core.messaging.processes import message\nmessage()"

    done = subprocess.run(
        [sys.executable, "manage.py", "shell", "--no-imports", "-c", script],
        cwd=site.BASE_DIR,
        env=os.environ
        | {
            "MESSAGES_DELIVERY": "in_process",
            "SMS_BACKEND": "console",
            "DJANGO_SETTINGS_MODULE": "tests.core.messaging.settings",
        },
        capture_output=True,
        text=True,
    )

    assert done.returncode == 0, done.stderr
    assert "Search, Mei! Code 42" in done.stdout
    assert is_sent()

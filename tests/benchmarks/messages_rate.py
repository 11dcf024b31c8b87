"""Workers that deliver a full table: usage messages_rate.py WORKERS MESSAGES MS

``MS`` is how long the provider takes for a message. Prints messages per second, from
the moment when all workers are ready until the last of them finds nothing to do.
"""

import json
import multiprocessing
import os
import sys
import time

from django.conf import settings

workers, messages, provider_ms = map(int, sys.argv[1:])
ADDRESS = json.loads(os.environ["BENCH_DATABASE"])
settings.configure(
    DATABASES={
        "default": {
            **ADDRESS,
            "ENGINE": "core.db.mysql",
            "OPTIONS": {**ADDRESS["OPTIONS"], "pool": True},
        }
    },
    INSTALLED_APPS=["core.messaging"],
    MESSAGES_DELIVERY="workers",
    SMS_BACKEND=f"{__name__}.Provider",
    USE_TZ=True,
)

import django  # noqa: E402

django.setup()

from django.db import connection  # noqa: E402

from core.messaging.backends.dummy import SMSBackend  # noqa: E402
from core.messaging.models import Message  # noqa: E402
from core.messaging.worker import Worker  # noqa: E402


class Provider(SMSBackend):
    def send_messages(self, messages: list) -> int:
        if provider_ms:
            time.sleep(provider_ms / 1000)
        return super().send_messages(messages)


def fill() -> None:
    if Message._meta.db_table not in connection.introspection.table_names():
        with connection.schema_editor() as editor:
            editor.create_model(Message)
    Message.objects.all().delete()
    Message.objects.bulk_create(
        [
            Message(channel="sms", to=f"+86138{n:08}", template="x", body="Hello " * 10)
            for n in range(messages)
        ],
        batch_size=1000,
    )
    connection.close()


def work(barrier) -> None:
    Message.objects.exists()
    barrier.wait()
    Worker("default").drain()
    barrier.wait()


def main() -> None:
    fill()
    fork = multiprocessing.get_context("fork")
    barrier = fork.Barrier(workers + 1)
    processes = [fork.Process(target=work, args=[barrier]) for _ in range(workers)]
    for process in processes:
        process.start()
    barrier.wait()
    started = time.perf_counter()
    barrier.wait()
    seconds = time.perf_counter() - started
    for process in processes:
        process.join()
    assert Message.objects.filter(status="sent", attempts=1).count() == messages
    print(json.dumps({"per_second": messages / seconds}))


if __name__ == "__main__":
    main()

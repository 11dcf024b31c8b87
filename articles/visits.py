"""How often each page is visited per day.

Counting costs no query: a visit adds one in Redis, or in the memory of the process if
there is no Redis or it gives no answer. A thread moves what was counted to the table
every ``VISITS_FLUSH_SECONDS``, and so does a look at the table in the administration.

*Nothing is counted twice.* A batch is added to the table in one transaction that also
notes the batch's name, which is unique. Who tries again, because the process died after
COMMIT, the answer to it was lost, or Redis came back with an older state, finds the
name and adds nothing.

*What may be missing:* with Redis, after it lost its memory, what was counted since the
last move and, if it came back with an older state, until the next one; one visit per
thread at the moment it fails. Without Redis, what a process counted since the last move
if it is killed; one that ends in good order moves it first.
"""

import atexit
import logging
import os
import threading
from datetime import date, timedelta

from django.conf import settings
from django.core.signals import setting_changed
from django.db import Error as DatabaseProblem
from django.db import IntegrityError, OperationalError, connections, transaction
from django.db.models import F
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils import timezone
from redis.exceptions import RedisError

from articles.models import DailyVisits, VisitBatch
from articles.visit_buffers import Batch, Buffer, MemoryBuffer, RedisBuffer

PAGES = {
    f"articles:{name}"
    for name in ("home", "list", "detail", "category", "tag", "author", "search")
}
TRIES = 10
# MySQL: the whole transaction was undone.
DEADLOCK = 1213
# Longer than anybody tries to move the same batch.
NAMES_KEPT = timedelta(days=7)

logger = logging.getLogger(__name__)


def is_visit(request: HttpRequest, response: HttpResponseBase) -> bool:
    """Tell whether somebody, perhaps a robot, was shown a public page."""
    match = request.resolver_match  # None: answered by the cache of public pages.
    return (
        request.method == "GET"
        and response.status_code == 200
        and (match is None or match.view_name in PAGES)
        and response.headers.get("Content-Type", "").startswith("text/html")
        and "HTTP_SEC_PURPOSE" not in request.META  # fetched in advance
    )


def count(page: str) -> None:
    """Count a visit today."""
    _process.count(timezone.localdate(), page[: DailyVisits.PAGE_LENGTH])


def flush() -> None:
    """Move to the table what this process and Redis have counted."""
    _process.flush()


class Process:
    """What counts in one process, and is not inherited by its forks."""

    def __init__(self) -> None:
        self.memory = MemoryBuffer()
        self.redis = RedisBuffer(settings.REDIS_URL) if settings.REDIS_URL else None
        self.is_over = threading.Event()
        # One move at a time: a second one would wait at the batch's name anyway.
        self._moving = threading.Lock()
        self._starting = threading.Lock()
        self._mover: threading.Thread | None = None

    def count(self, day: date, page: str) -> None:
        if self.redis is None or not self.redis.add(day, page):
            self.memory.add(day, page)
        if self._mover is None and settings.VISITS_FLUSH_SECONDS:
            self._start_mover()

    def flush(self) -> None:
        with self._moving:
            _move(self.memory)
            if self.redis is None:
                return
            try:
                _move(self.redis)
            except RedisError as error:
                logger.warning("visits stay in Redis: %s", error)

    def _start_mover(self) -> None:
        with self._starting:
            if self._mover is None:
                name = "visits"
                self._mover = threading.Thread(target=self._run, name=name, daemon=True)
                self._mover.start()
                atexit.register(self._flush_at_exit)

    def _run(self) -> None:
        while not self.is_over.wait(settings.VISITS_FLUSH_SECONDS):
            try:
                self.flush()
            except DatabaseProblem as error:
                logger.warning("visits wait for the database: %s", error)
            finally:
                connections.close_all()

    def _flush_at_exit(self) -> None:
        if self is not _process:
            return
        self.is_over.set()
        try:
            self.flush()
        except DatabaseProblem as error:
            logger.error("visits that this process counted are lost: %s", error)
        finally:
            connections.close_all()


def _inherit_nothing() -> None:
    """Begin with nothing: what was counted before a fork is the parent's."""
    global _process
    _process = Process()


_process = Process()
os.register_at_fork(after_in_child=_inherit_nothing)


def forget(*, setting: str, **kwargs: object) -> None:
    if setting == "REDIS_URL":
        _process.is_over.set()
        _inherit_nothing()


setting_changed.connect(forget, dispatch_uid="articles.visits.forget")


def _move(buffer: Buffer) -> None:
    # The second time for what was counted while an older batch waited.
    for _ in range(2):
        if batch := buffer.take():
            _add_in_turn(batch)
            buffer.done(batch)


def _add_in_turn(batch: Batch) -> None:
    """Add a batch, again if others who made the same rows were given precedence."""
    for _ in range(TRIES - 1):
        try:
            return _add_to_table(batch)
        except OperationalError as error:
            if error.args[0] != DEADLOCK:
                raise
    _add_to_table(batch)


@transaction.atomic(durable=True)
def _add_to_table(batch: Batch) -> None:
    """Add a batch, or find that this has been done.

    Two that have the same batch meet at its name: the second waits for the first one's
    COMMIT, and is then refused.
    """
    now = timezone.now()
    try:
        with transaction.atomic():
            VisitBatch.objects.create(name=batch.name, counted_at=now)
    except IntegrityError:
        return
    # In one order for all, so that no two wait for each other's rows.
    for (day, page), number in sorted(batch.visits.items()):
        _add_visits(day, page, number)
    VisitBatch.objects.filter(counted_at__lt=now - NAMES_KEPT).delete()


def _add_visits(day: date, page: str, number: int) -> None:
    row = DailyVisits.objects.filter(day=day, page=page)
    if row.update(visits=F("visits") + number):
        return
    try:
        with transaction.atomic():
            DailyVisits.objects.create(day=day, page=page, visits=number)
    except IntegrityError:  # Another process has just made the row.
        row.update(visits=F("visits") + number)

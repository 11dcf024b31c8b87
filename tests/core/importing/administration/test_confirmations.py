"""Several confirmations of one import, and the end of a process in the middle."""

import datetime
import os
import subprocess
import sys
import threading

import pytest
from django.db import connections
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from articles.models import Tag
from core.importing.administration import uploads
from core.importing.models import ImportRun
from tests.core.importing.administration.conftest import LIST, step_url
from tests.factories import make_staff, make_tag

pytestmark = pytest.mark.django_db(transaction=True)
HEADERS = ["name", "slug"]
KILLED_IN_THE_MERGE = """
import os, signal, sys
import django
django.setup()
from django.conf import settings
from django.test import Client
from accounts.models import User
from core.importing.merging.merge import Merge
settings.IMPORTING_FOLDER = sys.argv[2]
merge = Merge.run
def run(*args):
    merge(*args)
    os.kill(os.getpid(), signal.SIGKILL)
Merge.run = run
client = Client()
client.force_login(User.objects.get(is_superuser=True))
client.post(sys.argv[1])
"""


def confirm_in_two_threads(run, user):
    """Send two confirmations, each when both have found the run unconfirmed."""
    barrier = threading.Barrier(2, timeout=30)
    original = uploads.confirm

    def confirm_together(*args, **options):
        barrier.wait()
        return original(*args, **options)

    def confirm(client):
        try:
            client.post(step_url("confirm", run))
        finally:
            connections.close_all()

    clients = [Client(), Client()]
    for client in clients:
        client.force_login(user)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(uploads, "confirm", confirm_together)
        threads = [threading.Thread(target=confirm, args=[c]) for c in clients]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()


@pytest.fixture
def performed(monkeypatch):
    """Collect the runs that a request has begun to do."""
    from core.importing.administration import steps

    begun = []
    perform = steps._perform

    def noted(admin, request, run):
        begun.append(run.pk)
        perform(admin, request, run)

    monkeypatch.setattr(steps, "_perform", noted)
    return begun


def test_two_confirmations_at_once_begin_one_import(steps, performed):
    user = make_staff()
    run = steps.upload(HEADERS, ["A", "a"])
    steps.choose(run)

    confirm_in_two_threads(run, user)

    run.refresh_from_db()
    assert performed == [run.pk]
    assert (run.status, Tag.objects.count()) == ("done", 1)


def test_without_the_guard_both_would_begin(steps, performed, monkeypatch):
    """The control of the test above."""

    def unguarded(run, condition, **values):
        ImportRun.objects.filter(pk=run.pk).update(**values)
        run.refresh_from_db()
        return True

    monkeypatch.setattr(uploads, "_move", unguarded)
    user = make_staff()
    run = steps.upload(HEADERS, ["A", "a"])
    steps.choose(run)

    confirm_in_two_threads(run, user)

    assert performed == [run.pk, run.pk]


def test_process_killed_in_the_merge_leaves_the_table_as_it_was(
    steps, folder, settings
):
    make_tag(name="Old", slug="old")
    run = steps.upload(HEADERS, ["New", "old"], ["B", "b"])
    steps.choose(run, mode="upsert")

    program = [sys.executable, "-c", KILLED_IN_THE_MERGE]
    done = subprocess.run(
        [*program, step_url("confirm", run), str(folder)],
        cwd=settings.BASE_DIR,
        env=os.environ,
        timeout=60,
    )

    assert done.returncode == -9
    run.refresh_from_db()
    assert run.status == "running"
    assert list(Tag.objects.values_list("name", flat=True)) == ["Old"]
    page = steps.get("change", run).content.decode()
    assert "Interrupted; nothing was written" in page and "Start again" in page
    listed = steps.client.get(reverse(f"{LIST}_changelist")).content.decode()
    assert "interrupted; nothing was written" in listed

    steps.post("start", run)

    run.refresh_from_db()
    assert run.status == "done"
    assert sorted(Tag.objects.values_list("name", flat=True)) == ["B", "New"]


def test_confirmed_import_of_a_process_that_died_at_once_can_be_started(steps):
    run = steps.upload(HEADERS, ["A", "a"])
    steps.choose(run)
    steps.get("preview", run)
    assert uploads.confirm(run, again=False)

    page = steps.get("change", run).content.decode()
    assert "Start now" in page
    steps.post("start", run)

    assert Tag.objects.count() == 1


def test_running_import_cannot_be_started_or_deleted(steps):
    from core.importing.loading.connections import import_connection
    from core.importing.runs.lock import table_lock

    run = steps.upload(HEADERS, ["A", "a"])
    steps.choose(run)
    ImportRun.objects.update(status="running", rows_expected=10, rows_read=4)

    with import_connection("default") as own, table_lock(own, "articles_tag"):
        page = steps.get("change", run).content.decode()
        steps.post("start", run)
        deleted = steps.client.post(
            reverse(f"{LIST}_delete", args=[run.pk]), {"post": "yes"}
        )

    assert "4 of 10 rows read" in page and "Start now" not in page
    assert deleted.status_code == 403
    assert not Tag.objects.exists()


def test_busy_table_lets_the_import_wait(steps):
    from core.importing.loading.connections import import_connection
    from core.importing.runs.lock import table_lock

    run = steps.upload(HEADERS, ["A", "a"])
    steps.choose(run)

    with import_connection("default") as own, table_lock(own, "articles_tag"):
        page = steps.post("confirm", run).content.decode()

    assert "Another import into articles_tag is running" in page
    run.refresh_from_db()
    assert run.status == "queued"


@pytest.mark.parametrize("state", ["uploaded", "failed", "cancelled"])
def test_old_uploads_are_forgotten(steps, folder, settings, state):
    run = steps.upload(HEADERS, ["A", None])
    if state != "uploaded":
        steps.choose(run)
        steps.post({"failed": "confirm", "cancelled": "cancel"}[state], run)
    long_ago = timezone.now() - datetime.timedelta(
        days=settings.IMPORTING_KEEP_DAYS + 1
    )
    old = ImportRun.objects.filter(pk=run.pk)
    old.update(created_at=long_ago)
    old.exclude(finished_at=None).update(finished_at=long_ago)
    young = steps.upload(HEADERS, ["B", "b"])

    run.refresh_from_db()
    assert run.status == ("cancelled" if state == "uploaded" else state)
    assert not (run.upload or run.rejects or run.report)
    assert [path.name for path in folder.iterdir()] == [young.upload.name]


def test_forgetting_is_bounded(steps, monkeypatch):
    monkeypatch.setattr(uploads, "RUNS_PER_CLEANING", 2)
    for number in range(3):
        steps.upload(HEADERS, [f"A{number}", f"a{number}"])
    ImportRun.objects.update(created_at=timezone.now() - datetime.timedelta(days=99))

    uploads.forget_old_uploads()

    assert ImportRun.objects.exclude(upload="").count() == 1

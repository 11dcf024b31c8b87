"""An import that ends where nobody expects it: real processes, really killed."""

import os
import signal
import subprocess
import sys

import pytest
from django.db import connection

from articles.models import Tag
from core.importing import import_workbook
from core.importing.models import ImportRun
from core.importing.runs import lock
from tests.core.importing.runs.conftest import ROWS
from tests.core.importing.runs.programs import MOMENTS
from tests.waiting import wait_until

pytestmark = pytest.mark.django_db(transaction=True)
BEFORE_COMMIT = [moment for moment in MOMENTS if moment != "after commit"]


def finished(process, timeout=60):
    out, err = process.communicate(timeout=timeout)
    return process.returncode, out, err


def judge():
    """Say what table and ledger have, once the killed process is quite gone."""
    wait_until(lambda: lock.is_free(connection, "articles_tag"), what="free lock")
    run = ImportRun.objects.order_by("pk").last()
    state = "interrupted" if run.is_interrupted else run.status
    return Tag.objects.count(), state


@pytest.mark.parametrize("moment", BEFORE_COMMIT)
def test_killed_import_has_written_nothing(start, tags_file, moment):
    code, _out, err = finished(start("kill", moment, tags_file))

    assert code == -signal.SIGKILL, err
    assert judge() == (0, "interrupted")


def test_import_killed_after_its_commit_has_written_everything(start, tags_file):
    code, _out, err = finished(start("kill", "after commit", tags_file))

    assert code == -signal.SIGKILL, err
    assert judge() == (ROWS, "done")


def test_import_in_batches_does_not_pass_this_test(start, tags_file):
    """The control: the usual script leaves a part of its rows."""
    finished(start("naive", "reading", tags_file))

    assert 0 < Tag.objects.count() < ROWS


def test_next_import_tells_the_truth_about_one_that_was_killed(start, tags_file):
    finished(start("kill", "merged", tags_file))
    wait_until(lambda: lock.is_free(connection, "articles_tag"))

    import_workbook(tags_file, "articles.Tag")

    first, second = ImportRun.objects.order_by("pk")
    assert (first.status, first.message) == (
        "failed",
        "interrupted; nothing was written",
    )
    assert (second.status, second.rows_inserted) == ("done", ROWS)
    assert Tag.objects.count() == ROWS


@pytest.mark.parametrize("moment", ["reading", "loaded", "checked", "merged"])
def test_ctrl_c_writes_nothing_and_says_so(start, tags_file, moment):
    code, _out, err = finished(start("interrupt", moment, tags_file))

    assert code == 130, err
    assert "Interrupted; nothing was written." in err
    assert judge() == (0, "cancelled")


@pytest.mark.parametrize("delay_ms", range(0, 600, 100))
def test_import_killed_at_any_time_is_whole_or_nothing(start, tags_file, delay_ms):
    process = start("wait", "reading", tags_file)
    process.stdout.readline()
    process.stdin.write("\n")
    process.stdin.flush()
    try:
        process.wait(timeout=delay_ms / 1000)
    except subprocess.TimeoutExpired:
        process.kill()
    process.communicate(timeout=60)

    assert judge() in {(0, "interrupted"), (ROWS, "done")}


def test_second_import_into_the_same_table_is_refused_at_once(start, tags_file):
    first = start("wait", "checked", tags_file)
    assert first.stdout.readline() == "checked\n"

    code, _out, err = finished(start("wait", "never", tags_file))

    run = ImportRun.objects.get()
    assert code == 1
    assert f"Another import into articles_tag is running (run {run.pk} on " in err
    assert f"process {first.pid}" in err
    first.stdin.write("\n")
    assert finished(first)[0] == 0
    assert judge() == (ROWS, "done")


def test_running_import_is_not_called_interrupted(start, tags_file):
    process = start("wait", "checked", tags_file)
    process.stdout.readline()

    assert not ImportRun.objects.get().is_interrupted

    process.communicate("\n", timeout=60)


def test_site_writes_while_an_import_reads(start, tags_file):
    process = start("wait", "loaded", tags_file)
    process.stdout.readline()

    Tag.objects.create(name="Meanwhile", slug="meanwhile")

    process.communicate("\n", timeout=60)
    assert judge() == (ROWS + 1, "done")


LIMITED = """
import resource, signal, sys
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]),) * 2)
import django
django.setup()
from core.importing.management.commands.init_db import Command
Command().run_from_argv(["manage.py", "init_db", sys.argv[2], "articles.Tag"])
"""


@pytest.mark.skipif("connection.vendor != 'sqlite'", reason="limits its own files")
def test_full_disk_leaves_the_table_as_it_was(tags_file, settings):
    name = settings.DATABASES["default"]["NAME"]
    connection.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)")
    limit = os.path.getsize(name) // 4

    ended = subprocess.run(
        [sys.executable, "-c", LIMITED, str(limit), str(tags_file)],
        cwd=settings.BASE_DIR,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert ended.returncode == 1
    assert "The database failed (" in ended.stderr
    assert Tag.objects.count() == 0
    assert connection.cursor().execute("PRAGMA integrity_check").fetchone() == ("ok",)


@pytest.fixture
def own_server(mariadb_server, settings):
    """Give a server with the site's tables, and the environment that names it."""
    server = mariadb_server()
    env = {**os.environ, "DATABASE_URL": server.url}
    subprocess.run(
        [sys.executable, "manage.py", "migrate", "--verbosity", "0"],
        cwd=settings.BASE_DIR,
        env=env,
        check=True,
    )
    return server, env


def tags_and_status(server):
    with server.connect(database=server.database) as connected:
        cursor = connected.cursor()
        cursor.execute("SELECT COUNT(*) FROM articles_tag")
        (count,) = cursor.fetchone()
        cursor.execute("SELECT status FROM core_importing_importrun ORDER BY id DESC")
        return count, cursor.fetchone()[0]


@pytest.mark.skipif("connection.vendor == 'sqlite'", reason="starts a server")
@pytest.mark.parametrize("moment", ["reading", "checked", "merged", "before commit"])
def test_server_that_is_killed_has_nothing_of_the_import(
    own_server, start, tags_file, moment
):
    server, env = own_server
    process = start("wait", moment, tags_file, env=env)
    assert process.stdout.readline() == f"{moment}\n"

    server.kill()
    server.start()
    code, _out, err = finished_after(process)

    assert code == 1
    assert "The database failed (" in err
    assert tags_and_status(server) in {(0, "failed"), (0, "running")}
    assert finished(start("wait", "never", tags_file, env=env))[0] == 0
    assert tags_and_status(server) == (ROWS, "done")


def finished_after(process):
    out, err = process.communicate("\n", timeout=60)
    return process.returncode, out, err

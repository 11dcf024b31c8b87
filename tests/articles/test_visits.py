import os
import signal
import subprocess
import sys
import threading
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from datetime import date

import pytest
from asgiref.sync import async_to_sync
from django.contrib.admin.models import LogEntry
from django.contrib.sessions.models import Session
from django.core.management import call_command
from django.db import OperationalError, connections
from django.test import AsyncClient, Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from articles import visits
from articles.models import Article, Category, DailyVisits, VisitBatch
from tests.core.caching.processes import run as run_processes
from tests.factories import make_article, make_staff
from tests.servers import Redis
from tests.serving import serving
from tests.waiting import wait_until

TODAY, YESTERDAY = date(2026, 11, 21), date(2026, 11, 20)


@pytest.fixture
def transactional_db(django_db_setup, django_db_blocker):
    """Let threads and processes commit; no visit of another test is seen.

    In place of pytest-django's, whose ``flush`` takes longer than most tests here.
    """
    with django_db_blocker.unblock():
        visits.flush()
        DailyVisits.objects.all().delete()
        yield
        for model in (
            DailyVisits,
            VisitBatch,
            LogEntry,
            Session,
            Article,
            Category,
            User,
        ):
            model.objects.all().delete()


@pytest.fixture(scope="module")
def shared_redis():
    with Redis() as server:
        yield server


@pytest.fixture
def count_in(settings, transactional_db):
    """Count from now on in a server, or without one in memory."""

    def start(server=None):
        settings.REDIS_URL = server.url if server else ""

    return start


@pytest.fixture
def in_memory(count_in):
    count_in()


@pytest.fixture(params=["memory", "redis"])
def anywhere(request, count_in):
    """Run a test with visits counted in memory, and again with Redis."""
    if request.param == "memory":
        return count_in()
    server = request.getfixturevalue("shared_redis")
    with server.connect() as client:
        client.flushall()
    return count_in(server)


def visit(page, times=1):
    for _ in range(times):
        visits.count(page)


def table():
    visits.flush()
    return dict(DailyVisits.objects.values_list("page", "visits"))


# What is counted


def test_each_view_of_a_page_counts_also_from_the_cache(client, anywhere):
    for _ in range(3):
        client.get("/en/")
    client.get("/zh-hans/search/?q=x")

    assert table() == {"/en/": 3, "/zh-hans/search/": 1}


def test_page_shown_by_asgi_counts(anywhere):
    async_to_sync(AsyncClient().get)("/en/")

    assert table() == {"/en/": 1}


def test_visits_of_an_article_count(client, in_memory):
    address = make_article().get_absolute_url()

    for _ in range(2):
        client.get(address)

    assert table() == {address: 2}


@pytest.mark.parametrize(
    "address", ["/api/articles", "/en/feed/", "/en/nothing", "/healthz", "/robots.txt"]
)
def test_what_is_no_page_does_not_count(client, in_memory, address):
    client.get(address)
    client.get(address)

    assert table() == {}


def test_staff_at_work_does_not_count(client, in_memory):
    client.force_login(make_staff())
    article = make_article()

    assert client.get(f"/en/articles/{article.slug}/preview/").status_code == 200
    assert client.get("/en/admin/").status_code == 200

    assert table() == {}


def test_only_get_counts(client, in_memory):
    client.get("/en/")
    client.head("/en/")
    client.post("/en/")

    assert table() == {"/en/": 1}


def test_page_that_nobody_looks_at_yet_does_not_count(client, in_memory):
    client.get("/en/", headers={"sec-purpose": "prefetch"})

    assert table() == {}


def test_audit_of_the_cache_does_not_count(client, in_memory, settings, capsys):
    settings.COHERENT_CACHE = {"STAMPS": "database"}
    client.get("/en/")

    call_command("cache_audit")

    assert not capsys.readouterr().out.startswith("0 of")
    assert table() == {"/en/": 1}


def test_each_day_has_its_own_row(anywhere, monkeypatch):
    for day in (YESTERDAY, TODAY):
        monkeypatch.setattr(visits.timezone, "localdate", lambda day=day: day)
        visit("/en/", times=2)

    visits.flush()

    found = DailyVisits.objects.values_list("day", "visits")
    assert list(found) == [(TODAY, 2), (YESTERDAY, 2)]


def test_longest_path_fits(anywhere):
    visit("/" + "砚" * 300)

    assert table() == {"/" + "砚" * 254: 1}


# Exactness


def visit_by_threads():
    def run():
        client = Client()
        for _ in range(10):
            client.get("/en/")
        connections.close_all()

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    visits.flush()


def count_new_pages():
    for number in range(30):
        for page in range(3):
            visits.count(f"/en/{number}/{page}/")
        visits.flush()


def test_processes_with_the_same_new_pages_do_not_lock_each_other_out(anywhere):
    assert run_processes(*[count_new_pages] * 6) == [0] * 6

    assert set(table().values()) == {6}


def test_processes_with_threads_lose_nothing(anywhere):
    assert run_processes(*[visit_by_threads] * 4) == [0, 0, 0, 0]

    assert table() == {"/en/": 160}


def test_flushes_at_the_same_time_count_once(anywhere):
    visit("/en/", times=5)

    def flush():
        visits.flush()
        connections.close_all()

    threads = [threading.Thread(target=flush) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert table() == {"/en/": 5}


def test_fork_leaves_its_parents_visits_to_it(anywhere):
    visit("/en/", times=3)

    assert run_processes(visits.flush) == [0]

    assert table() == {"/en/": 3}


def test_failed_flush_keeps_the_visits(anywhere, monkeypatch):
    def refuse(*args):
        raise OperationalError("lock wait timeout")

    visit("/en/", times=2)
    with monkeypatch.context() as patch:
        patch.setattr(visits, "_add_visits", refuse)
        with pytest.raises(OperationalError):
            visits.flush()
    visit("/en/")

    assert table() == {"/en/": 3}


def visits_after_a_lost_answer_to_commit(monkeypatch):
    add_to_table = visits._add_to_table

    def commit_and_lose_the_answer(batch):
        add_to_table(batch)
        raise OperationalError("lost connection")

    visit("/en/", times=2)
    with monkeypatch.context() as patch:
        patch.setattr(visits, "_add_to_table", commit_and_lose_the_answer)
        with pytest.raises(OperationalError):
            visits.flush()
    visit("/en/")
    return table()


def test_lost_answer_to_commit_counts_nothing_twice(anywhere, monkeypatch):
    assert visits_after_a_lost_answer_to_commit(monkeypatch) == {"/en/": 3}


def test_without_names_of_batches_a_lost_answer_would_count_twice(
    anywhere, monkeypatch
):
    monkeypatch.setattr(VisitBatch.objects, "create", lambda **values: None)

    assert visits_after_a_lost_answer_to_commit(monkeypatch) == {"/en/": 5}


def test_names_of_old_batches_are_forgotten(in_memory):
    visit("/en/")
    visits.flush()
    VisitBatch.objects.update(counted_at=timezone.now() - 2 * visits.NAMES_KEPT)

    visit("/en/")
    visits.flush()

    assert VisitBatch.objects.count() == 1


# Redis


def test_killed_process_loses_nothing_that_redis_counted(count_in, shared_redis):
    count_in(shared_redis)

    def visit_and_die():
        visit("/en/", times=7)
        os.kill(os.getpid(), signal.SIGKILL)

    assert run_processes(visit_and_die) == [-signal.SIGKILL]

    assert table() == {"/en/": 7}


def test_redis_that_comes_back_with_an_older_state_counts_nothing_twice(
    count_in, redis_server
):
    server = redis_server()
    count_in(server)
    visit("/en/", times=2)
    server.save()
    visit("/en/")
    assert table() == {"/en/": 3}

    server.kill()
    server.start()

    assert table() == {"/en/": 3}
    visit("/en/", times=2)
    assert table() == {"/en/": 5}


def test_visits_are_counted_in_memory_while_redis_is_down(count_in, redis_server):
    server = redis_server()
    count_in(server)
    visit("/en/", times=3)
    assert table() == {"/en/": 3}

    server.kill()
    visit("/en/", times=10)

    # One visit was on its way when Redis failed.
    assert table() == {"/en/": 12}


def test_visits_are_counted_in_redis_again_when_it_is_back(count_in, redis_server):
    server = redis_server()
    count_in(server)
    server.kill()
    visit("/en/")

    server.start()

    def counts_in_redis():
        visit("/en/")
        with server.connect() as client:
            return client.exists("inkstone:visits:open")

    wait_until(counts_in_redis)


def test_page_is_shown_while_redis_is_frozen(client, count_in, redis_server):
    server = redis_server()
    count_in(server)
    server.freeze()

    assert client.get("/en/").status_code == 200


# Moving by itself


def test_visits_are_moved_without_anybodys_doing(anywhere, settings):
    settings.VISITS_FLUSH_SECONDS = 0.02

    visit("/en/", times=2)

    wait_until(lambda: DailyVisits.objects.filter(visits=2).exists())


ENDS = """
import django
django.setup()
from articles import visits
for _ in range(5):
    visits.count("/en/")
"""


def test_process_that_ends_moves_its_visits(in_memory):
    # With the settings of the site: nothing is moved before ten seconds are over.
    variables = {"DJANGO_SETTINGS_MODULE": "config.settings", "REDIS_URL": ""}

    done = subprocess.run([sys.executable, "-c", ENDS], env=os.environ | variables)

    assert done.returncode == 0
    assert table() == {"/en/": 5}


@pytest.mark.parametrize("worker", ["gthread", "gevent"])
def test_workers_of_gunicorn_lose_nothing(transactional_db, tmp_path, worker):
    # DEBUG, because nobody has collected the static files.
    settings = {"DJANGO_SETTINGS_MODULE": "config.settings", "DEBUG": "1"}
    options = "--workers", "4", "--worker-class", worker

    with serving(tmp_path / "log", *options, **settings) as address:

        def visit_page(number):
            with urllib.request.urlopen(f"{address}/en/", timeout=30) as response:
                return response.status

        with ThreadPoolExecutor(8) as visitors:
            assert set(visitors.map(visit_page, range(200))) == {200}

    assert table() == {"/en/": 200}


# Administration


def test_administration_shows_the_visits_of_this_moment(client, anywhere):
    client.force_login(make_staff())
    visit("/en/articles/", times=41)

    page = client.get(reverse("admin:articles_dailyvisits_changelist"))

    assert "/en/articles/" in page.content.decode()
    assert ">41<" in page.content.decode()


@pytest.mark.parametrize("page", ["add", "change", "delete"])
def test_visits_cannot_be_edited(client, in_memory, page):
    visit("/en/")
    visits.flush()
    client.force_login(make_staff())
    args = [] if page == "add" else [DailyVisits.objects.get().pk]

    response = client.post(reverse(f"admin:articles_dailyvisits_{page}", args=args))

    assert response.status_code == 403

import asyncio
import contextvars
import gc
import json
import subprocess
import sys
import threading
import weakref

import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth.models import AnonymousUser
from django.core.management import call_command
from django.http import HttpResponse, JsonResponse
from django.test import AsyncClient, Client, RequestFactory
from django.urls import path

from core.web.commands import ContextCommand
from core.web.context import app_context, current_context, current_user, g, request
from core.web.middleware import ContextMiddleware
from tests.core.web.listening import listening
from tests.factories import make_user

AT_THE_SAME_TIME = 20


def keeps(request, number):
    """Keep a number in ``g``, let others do so, too, and tell what is there then."""
    g.number = number
    BARRIER.wait()
    return JsonResponse({"g": g.number, "path": request.path})


async def keeps_async(request, number):
    g.number = number
    await asyncio.sleep(0)
    return JsonResponse({"g": g.number, "path": request.path})


def shows(_request):
    return JsonResponse({"path": request.path, "user": str(current_user)})


BARRIER = threading.Barrier(AT_THE_SAME_TIME)
urlpatterns = [
    path("keeps/<int:number>", keeps),
    path("keeps-async/<int:number>", keeps_async),
    path("shows", shows),
]

with_views = pytest.mark.urls(__name__)


def test_g_holds_what_one_context_put_there():
    with app_context():
        g.rate = 3
        assert g.rate == g.get("rate") == g.setdefault("rate", 4) == 3
        assert "rate" in g
        assert list(g) == ["rate"]
        assert g.pop("rate") == 3
        assert g.get("rate", "none") == "none"
        with pytest.raises(AttributeError):
            print(g.rate)


def test_each_context_has_its_own_g():
    with app_context():
        g.name = "a"
        with app_context():
            assert "name" not in g
            g.name = "b"
        assert g.name == "a"


@pytest.mark.parametrize("what", [g, request, current_user])
def test_outside_of_a_context_the_error_says_what_to_do(what):
    with pytest.raises(RuntimeError) as refusal:
        print(what.name)

    assert str(refusal.value).startswith("Working outside of application context.")
    assert "with app_context(): ..." in str(refusal.value)


@pytest.mark.parametrize("what", [g, request, current_user])
def test_proxies_can_be_looked_at_anywhere(what):
    assert "Working outside of application context" in repr(what)
    assert not isinstance(what, str)


def test_script_has_no_request_and_nobody_as_its_user():
    with app_context():
        with pytest.raises(RuntimeError, match="Working outside of request context"):
            print(request.path)

        assert isinstance(current_user, AnonymousUser)
        assert not current_user.is_authenticated


@pytest.mark.django_db
@with_views
def test_view_reaches_its_request_and_user_without_arguments(client):
    client.force_login(make_user(username="mei"))

    assert client.get("/shows").json() == {"path": "/shows", "user": "mei"}


def test_proxy_is_what_it_stands_for():
    known = RequestFactory().get("/x")

    def view(given):
        assert isinstance(request, type(known))
        assert request == given
        assert hash(request) == hash(given)
        assert request._get_current_object() is given
        request.mark = 1
        assert given.mark == 1
        del request.mark
        assert not hasattr(given, "mark")
        return HttpResponse()

    ContextMiddleware(view)(known)


def test_context_inside_of_a_request_keeps_the_request():
    def view(given):
        g.name = "outer"
        with app_context():
            assert request.path == "/x"
            assert "name" not in g
        assert g.name == "outer"
        return HttpResponse()

    ContextMiddleware(view)(RequestFactory().get("/x"))


@with_views
def test_threads_do_not_see_each_others_g():
    answers = {}

    def visit(number):
        answers[number] = Client().get(f"/keeps/{number}").json()["g"]

    threads = [
        threading.Thread(target=visit, args=[number])
        for number in range(AT_THE_SAME_TIME)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert answers == {number: number for number in range(AT_THE_SAME_TIME)}


@with_views
def test_tasks_do_not_see_each_others_g():
    async def visit_all():
        visits = [AsyncClient().get(f"/keeps-async/{number}") for number in range(100)]
        return [
            json.loads(answer.content)["g"] for answer in await asyncio.gather(*visits)
        ]

    with listening("appcontext_pushed", "appcontext_popped") as heard:
        answers = async_to_sync(visit_all)()

    assert answers == list(range(100))
    assert heard.count("appcontext_pushed") == heard.count("appcontext_popped") == 100


def test_tasks_of_a_script_do_not_see_each_others_g():
    async def keep(number):
        with app_context():
            g.number = number
            await asyncio.sleep(0)
            return g.number

    async def keep_all():
        return await asyncio.gather(*map(keep, range(10)))

    assert asyncio.run(keep_all()) == list(range(10))


GREENLETS = """
import gevent.monkey
gevent.monkey.patch_all()
import django, gevent
django.setup()
from core.web.context import app_context, current_context, g

def keep(number):
    with app_context():
        g.number = number
        gevent.sleep(0)
        return g.number

with app_context():
    g.number = "outer"
    greenlets = [gevent.spawn(keep, number) for number in range(10)]
    gevent.joinall(greenlets, raise_error=True)
    print([greenlet.value for greenlet in greenlets], g.number)
print(current_context())
"""


def test_greenlets_do_not_see_each_others_g():
    done = subprocess.run(
        [sys.executable, "-c", GREENLETS], capture_output=True, text=True
    )

    assert done.stdout.splitlines() == [f"{list(range(10))} outer", "None"], done.stderr


def test_thread_starts_without_a_context_and_can_be_given_one():
    found = []

    def look():
        found.append(current_context() and g.get("name"))

    with app_context():
        g.name = "mine"
        context = contextvars.copy_context()
        for target, args in [(look, []), (context.run, [look])]:
            thread = threading.Thread(target=target, args=args)
            thread.start()
            thread.join()

    assert found == [None, "mine"]


def test_nothing_of_ten_thousand_requests_stays_behind():
    kept = []

    def view(given):
        g.given = given
        if len(kept) < 100:
            kept.append(weakref.ref(g._get_current_object()))
        return HttpResponse()

    middleware, make = ContextMiddleware(view), RequestFactory()
    one_request = make.get("/")
    for _ in range(100):
        middleware(make.get("/"))
    gc.collect()
    before = len(gc.get_objects())
    for _ in range(10_000):
        middleware(one_request)
    gc.collect()

    assert not any(reference() for reference in kept)
    assert len(gc.get_objects()) - before < 100
    assert current_context() is None


@pytest.mark.parametrize("error", [LookupError, KeyboardInterrupt])
def test_context_is_popped_whatever_happens(error):
    def fail(name, **named):
        raise error

    def view(given):
        raise error

    with listening("request_started", "appcontext_tearing_down", note=fail):
        with pytest.raises(error):
            ContextMiddleware(view)(RequestFactory().get("/"))
        with pytest.raises(error), app_context():
            raise error

    assert current_context() is None


def test_context_is_popped_when_a_client_of_asgi_leaves():
    async def view(given):
        await asyncio.Event().wait()

    async def leave():
        visit = asyncio.create_task(ContextMiddleware(view)(RequestFactory().get("/")))
        await asyncio.sleep(0)
        visit.cancel()
        with pytest.raises(asyncio.CancelledError):
            await visit

    def noted(name, **named):
        return name, type(named.get("exc"))

    names = "request_finished", "request_tearing_down", "appcontext_popped"
    with listening(*names, note=noted) as heard:
        async_to_sync(leave)()

    assert heard == [
        ("request_tearing_down", asyncio.CancelledError),
        ("appcontext_popped", type(None)),
    ]


def test_context_of_a_script_is_announced():
    def noted(name, **named):
        return name, type(named.get("exc"))

    names = "appcontext_pushed", "appcontext_tearing_down", "appcontext_popped"
    with (
        listening(*names, note=noted) as heard,
        pytest.raises(LookupError),
        app_context(),
    ):
        raise LookupError

    assert heard == [
        ("appcontext_pushed", type(None)),
        ("appcontext_tearing_down", LookupError),
        ("appcontext_popped", type(None)),
    ]


class Keeps(ContextCommand):
    def handle(self, **options):
        g.number = 1
        return str(g.number)


def test_command_has_a_context(capsys):
    call_command(Keeps())

    assert capsys.readouterr().out == "1\n"
    assert current_context() is None


def test_shell_has_a_context(capsys):
    script = "from core.web.context import g; g.number = 1; print(g.number)"

    call_command("shell", command=script, no_imports=True)

    assert capsys.readouterr().out == "1\n"


@pytest.mark.django_db
def test_developers_see_which_receivers_ran(client, settings):
    settings.DEBUG = True

    with listening("request_started"):
        timing = client.get("/healthz").headers["Server-Timing"]

    assert "request_started;desc=" in timing
    assert "tests.core.web.listening" in timing
    assert "dur=" in timing


@pytest.mark.django_db
def test_visitors_do_not_see_which_receivers_ran(client):
    with listening("request_started"):
        assert "Server-Timing" not in client.get("/healthz").headers

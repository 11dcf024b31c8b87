"""The ten signals, beside those of a real Flask application with the same routes."""

from contextlib import ExitStack

import flask
import pytest
from asgiref.sync import async_to_sync
from django.contrib import messages
from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.db import InterfaceError
from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.test import AsyncClient, Client
from django.urls import path
from jinja2 import DictLoader

import config.urls
from tests.core.web.listening import FLASKS, listening

pytestmark = [pytest.mark.django_db, pytest.mark.urls(__name__)]

ROUTES = ["plain", "template", "flash", "missing", "error", "caught"]


def plain(request):
    return HttpResponse("x")


def template(request):
    return render(request, "articles/article_search.html")


def flash(request):
    messages.info(request, "saved")
    return HttpResponse("x")


def error(request):
    raise ZeroDivisionError


def caught(request):
    try:
        raise ZeroDivisionError
    except ZeroDivisionError:
        return HttpResponse("x")


def refuse(request, status):
    raise {
        400: SuspiciousOperation,
        403: PermissionDenied,
        404: Http404,
        503: InterfaceError,
    }[status]


urlpatterns = [
    path("refuse/<int:status>", refuse),
    path("plain", plain),
    path("template", template),
    path("flash", flash),
    path("error", error),
    path("caught", caught),
    *config.urls.urlpatterns,
]
handler400 = "core.web.errors.bad_request"
handler403 = "core.web.errors.permission_denied"
handler404 = "core.web.errors.page_not_found"
handler500 = "core.web.errors.server_error"


def make_flask_site():
    """Make the same routes and error pages, with templates that include others."""
    site = flask.Flask(__name__)
    site.secret_key = "only-for-tests"
    site.jinja_loader = DictLoader(
        {
            "base.html": "{% include 'part.html' %}{% block page %}{% endblock %}",
            "part.html": "part",
            "page.html": "{% extends 'base.html' %}{% block page %}x{% endblock %}",
        }
    )
    site.add_url_rule("/plain", "plain", lambda: "x")
    site.add_url_rule("/template", "template", show_page)
    site.add_url_rule("/flash", "flash", lambda: flask.flash("saved", "info") or "x")
    site.add_url_rule("/error", "error", lambda: error(None))
    site.add_url_rule("/caught", "caught", lambda: caught(None).content)
    site.register_error_handler(404, lambda error: (show_page(), 404))
    site.register_error_handler(500, lambda error: (show_page(), 500))
    return site


def show_page():
    return flask.render_template("page.html")


def noted(name, **named):
    """Note what Flask's signals carry, too."""
    if name == "message_flashed":
        return name, named["message"], named["category"]
    if name == "got_request_exception":
        return name, type(named["exception"])
    if name == "request_finished":
        return name, named["response"].status_code
    if name.endswith("tearing_down"):
        return name, type(named["exc"])
    return name


def signals_of_flask(route):
    site, heard = make_flask_site(), []
    with ExitStack() as stack:
        for name in FLASKS:

            def receive(sender, name=name, **named):
                heard.append(noted(name, **named))

            signal = getattr(flask, name)
            stack.enter_context(signal.connected_to(receive, site))
        site.test_client().get(f"/{route}")
    return heard


def by_wsgi(address):
    return Client(raise_request_exception=False).get(address)


def by_asgi(address):
    client = AsyncClient(raise_request_exception=False)
    return async_to_sync(client.get)(address)


@pytest.mark.parametrize("get", [by_wsgi, by_asgi])
@pytest.mark.parametrize("route", ROUTES)
def test_signals_are_flasks_in_flasks_order(get, route):
    with listening(*FLASKS, note=noted) as heard:
        get(f"/{route}")

    assert heard == signals_of_flask(route)


@pytest.mark.parametrize("get", [by_wsgi, by_asgi])
def test_order_for_an_unhandled_error(get):
    with listening(*FLASKS, note=noted) as heard:
        get("/error")

    assert heard == [
        "appcontext_pushed",
        "request_started",
        ("got_request_exception", ZeroDivisionError),
        "before_render_template",
        "template_rendered",
        ("request_finished", 500),
        ("request_tearing_down", ZeroDivisionError),
        ("appcontext_tearing_down", ZeroDivisionError),
        "appcontext_popped",
    ]


@pytest.mark.parametrize("get", [by_wsgi, by_asgi])
@pytest.mark.parametrize("debug", [True, False])
def test_failing_receivers_leave_the_request_as_it_is(get, debug, settings, caplog):
    settings.DEBUG = debug

    def fail(name, **named):
        raise LookupError(name)

    with listening(*FLASKS, note=fail):
        responses = [get("/template"), get("/flash")]

    assert [response.status_code for response in responses] == [200, 200]
    failed = {record.exc_info[1].args[0] for record in caplog.records}
    assert failed == set(FLASKS) - {"got_request_exception"}


@pytest.mark.parametrize("get", [by_wsgi, by_asgi])
def test_error_page_survives_a_receiver_that_fails_at_the_error(get):
    def fail(name, **named):
        raise LookupError

    with listening("got_request_exception", note=fail):
        response = get("/error")

    assert response.status_code == 500
    assert "Something went wrong" in response.content.decode()


@pytest.mark.parametrize("get", [by_wsgi, by_asgi])
@pytest.mark.parametrize("status", [400, 403, 404, 503])
def test_exception_with_a_page_of_its_own_is_no_unhandled_one(get, status):
    with listening(
        "got_request_exception", "request_tearing_down", note=noted
    ) as heard:
        response = get(f"/refuse/{status}")

    assert response.status_code == status
    assert heard == [("request_tearing_down", type(None))]


@pytest.mark.parametrize("address", ["/en/admin/", "/en/articles/nothing/"])
def test_response_to_request_finished_may_be_changed(client, address):
    def sign(name, response, **named):
        response.headers["X-Signed"] = "yes"

    with listening("request_finished", note=sign):
        assert client.get(address).headers["X-Signed"] == "yes"

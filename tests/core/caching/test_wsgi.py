"""Hits before Django begins are what Django would have answered, or are Django's."""

from typing import NamedTuple
from wsgiref.util import setup_testing_defaults
from wsgiref.validate import validator

import pytest
from django.core.exceptions import BadRequest, MiddlewareNotUsed
from django.core.handlers.wsgi import WSGIHandler
from django.db import OperationalError, connection, transaction
from django.http import HttpResponse
from django.test import Client
from django.urls import clear_url_caches

from config.wsgi import application as site
from core.caching.stores import current_store
from core.caching.wsgi import MIDDLEWARE, EarlyHits
from core.sessions import SessionStore
from core.signals import cache_hit, cache_miss
from tests.core.caching.conftest import use_database
from tests.core.caching.urls import RUNS
from tests.factories import make_banner, make_staff

pytestmark = pytest.mark.urls("tests.core.caching.urls")


@pytest.fixture(autouse=True)
def runs(settings, transactional_db):
    use_database(settings)
    settings.REQUEST_ID_FROM_PROXY = True
    RUNS.clear()
    clear_url_caches()
    yield
    current_store.cache_clear()


class Django:
    """Django's application, which counts what reaches it."""

    def __init__(self):
        self.handler = WSGIHandler()
        self.requests = 0

    def __call__(self, environ, start_response):
        self.requests += 1
        return self.handler(environ, start_response)


@pytest.fixture
def django():
    return Django()


class Answer(NamedTuple):
    status: str
    headers: dict
    body: bytes


def ask(application, address="/titles", **environ):
    path, _, query = address.partition("?")
    told = []
    environ |= {
        "SCRIPT_NAME": "",
        "PATH_INFO": path.encode().decode("latin-1"),
        "QUERY_STRING": query,
        "HTTP_X_REQUEST_ID": "request-7",
    }
    setup_testing_defaults(environ)
    body = validator(application)(environ, lambda *answer: told.extend(answer))
    try:
        return Answer(told[0], dict(told[1]), b"".join(body))
    finally:
        body.close()


def test_hit_is_what_django_answers_and_does_not_reach_it(django):
    make_banner(title="one")
    application = EarlyHits(django)
    first = ask(application)

    second = ask(application)

    assert second == first == ask(django.handler)
    assert second.body == b"Home: one"
    assert {"Content-Security-Policy", "X-Frame-Options"} <= second.headers.keys()
    assert (django.requests, RUNS["titles"]) == (1, 1)


def test_change_voids_the_page(django):
    banner = make_banner(title="old")
    application = EarlyHits(django)
    ask(application)

    banner.title = "new"
    banner.save()

    assert ask(application).body == b"Home: new"


def test_addresses_languages_and_schemes_have_pages_of_their_own(django):
    application = EarlyHits(django)
    ask(application)

    ask(application, HTTP_ACCEPT_LANGUAGE="zh-hans")
    ask(application, HTTP_HOST="localhost")
    ask(application, "/titles?page=2")
    ask(application, HTTPS="on", **{"wsgi.url_scheme": "https"})

    assert RUNS["titles"] == 5


def test_address_beyond_ascii_is_a_hit(django):
    application = EarlyHits(django)
    first = ask(application, "/slugs/连接池")

    second = ask(application, "/slugs/连接池")

    assert second == first
    assert second.body.decode() == "连接池"
    assert django.requests == 1


@pytest.mark.parametrize(
    ("address", "environ", "status"),
    [
        ("/titles", {"REQUEST_METHOD": "HEAD"}, "200 OK"),
        ("/titles", {"REQUEST_METHOD": "OPTIONS"}, "200 OK"),
        ("/titles", {"HTTP_COOKIE": "sessionid=x"}, "200 OK"),
        ("/titles", {"HTTP_COOKIE": "messages=x"}, "200 OK"),
        ("/titles", {"HTTP_AUTHORIZATION": "Bearer x"}, "200 OK"),
        ("/titles", {"HTTP_HOST": "evil.test"}, "400 Bad Request"),
        ("/forced", {}, "200 OK"),
        ("/unless", {"HTTP_LIVE": "1"}, "200 OK"),
        ("/known?x=1", {}, "200 OK"),
        ("/guarded", {}, "302 Found"),
        ("/missing", {}, "404 Not Found"),
    ],
)
def test_other_requests_are_djangos(django, address, environ, status):
    application = EarlyHits(django)
    ask(application, address)
    before = django.requests

    answer = ask(application, address, **environ)

    assert answer.status == status
    assert django.requests == before + 1


def test_everything_is_djangos_under_debug(django, settings):
    settings.DEBUG = True
    application = EarlyHits(django)

    answers = [ask(application), ask(application)]

    assert [answer.headers["X-Cache"] for answer in answers] == ["miss", "hit"]
    assert django.requests == 2


def test_everything_is_djangos_without_the_middleware(django, settings):
    ask(django)
    settings.MIDDLEWARE = [name for name in settings.MIDDLEWARE if name != MIDDLEWARE]

    ask(EarlyHits(django))

    assert django.requests == 2


def test_redirect_to_tls_comes_before_what_is_cached(settings):
    settings.SECURE_SSL_REDIRECT = True
    application = EarlyHits(Django())
    ask(application, HTTPS="on", **{"wsgi.url_scheme": "https"})

    answers = [ask(application) for _ in range(2)]

    assert {answer.status for answer in answers} == {"301 Moved Permanently"}


def hand_on(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"handed on"]


def test_inside_of_a_transaction_the_cache_is_left_alone(django):
    ask(django)

    with transaction.atomic():
        inside = ask(EarlyHits(hand_on))

    assert inside.body == b"handed on"
    assert ask(EarlyHits(hand_on)).body == b"Home: "


def test_hit_gives_its_connection_back(django):
    application = EarlyHits(django)
    ask(application)

    ask(application)

    assert django.requests == 1
    assert connection.connection is None


@pytest.fixture
def signals():
    sent = []

    def note(signal, key, reason="", **kwargs):
        sent.append((signal, key, reason))

    cache_hit.connect(note)
    cache_miss.connect(note)
    yield sent
    cache_hit.disconnect(note)
    cache_miss.disconnect(note)


def test_signals_are_sent_once(django, signals):
    application = EarlyHits(django)

    ask(application)
    ask(application)

    key = "view:http://127.0.0.1/titles en"
    assert signals == [(cache_miss, key, "miss"), (cache_hit, key, "")]


def test_miss_is_looked_up_once(redis_store, django, shared_redis):
    application = EarlyHits(django)
    ask(application)
    make_banner()

    with shared_redis.connect() as client:
        client.config_resetstat()
        ask(application)
        calls = client.info("commandstats")

    assert calls["cmdstat_mget"]["calls"] == 1
    assert calls["cmdstat_eval"]["calls"] == 2  # the right to build, and the store


def test_damaged_entry_is_a_miss_with_one_warning(django, caplog):
    application = EarlyHits(django)
    ask(application)
    (key, stamps) = "view:http://127.0.0.1/titles en", ["*", "articles.banner"]
    flight = current_store().look_up(key, stamps, is_forced=True)
    entry = current_store().find(key, stamps)
    flight.store(type(entry)(entry.built_ms, entry.expires_ms, b"{no json\n"))

    answers = [ask(application) for _ in range(2)]

    assert [answer.body for answer in answers] == [b"Home: "] * 2
    assert django.requests == 2
    assert [record.levelname for record in caplog.records] == ["WARNING"]


def test_failing_database_is_djangos_to_report(django, monkeypatch):
    application = EarlyHits(django)
    ask(application)

    def fail(*args, **kwargs):
        raise OperationalError("gone")

    monkeypatch.setattr("core.caching.stores.database.read_header", fail)

    assert ask(application).status == "500 Internal Server Error"


def test_staff_sees_where_a_shared_response_comes_from(django):
    client = Client()
    client.force_login(make_staff())
    application = EarlyHits(django)
    ask(application, "/shared")

    answer = ask(
        application,
        "/shared",
        HTTP_COOKIE=f"sessionid={client.cookies['sessionid'].value}",
    )

    assert answer.headers["X-Cache"] == "hit"


def test_what_a_session_shows_is_not_shown_to_others(django):
    session = SessionStore()
    session["name"] = "ada"
    session.save()
    application = EarlyHits(django)

    of_ada = ask(
        application, "/reads-session", HTTP_COOKIE=f"sessionid={session.session_key}"
    )

    assert of_ada.body == b"ada"
    assert ask(application, "/reads-session").body == b"nobody"


class Numbering:
    """Middleware that must see every request."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        if "HTTP_X_OWN_ANSWER" in request.META:
            return HttpResponse("own")
        response = self.get_response(request)
        response["X-Number"] = "7"
        response.set_cookie("number", "7")
        return response


def failing(get_response):
    def fail(request):
        raise BadRequest

    return fail


def unused(get_response):
    raise MiddlewareNotUsed


def put_before_the_cache(settings, *middleware):
    names = [f"{one.__module__}.{one.__qualname__}" for one in middleware]
    settings.MIDDLEWARE = [*names, *settings.MIDDLEWARE]
    return Django()


def test_hit_passes_through_the_middleware_before_the_cache(settings):
    django = put_before_the_cache(settings, unused, Numbering)
    application = EarlyHits(django)
    first = ask(application)

    second = ask(application)

    assert second == first
    assert second.headers["X-Number"] == "7"
    assert "number=7" in second.headers["Set-Cookie"]
    assert django.requests == 1


def test_middleware_before_the_cache_may_answer_itself(settings):
    application = EarlyHits(put_before_the_cache(settings, Numbering))
    ask(application)

    assert ask(application, HTTP_X_OWN_ANSWER="1").body == b"own"


def test_middleware_before_the_cache_that_fails_is_answered_as_by_django(settings):
    ask(EarlyHits(Django()))
    application = EarlyHits(put_before_the_cache(settings, failing))

    assert ask(application).status == "400 Bad Request"


def test_the_site_answers_hits_early():
    assert isinstance(site, EarlyHits)

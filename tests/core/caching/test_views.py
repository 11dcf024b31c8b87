import pytest
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpResponse
from django.test import Client, RequestFactory
from django.urls import clear_url_caches

from core.caching import cached_view
from core.caching.stores import current_store
from tests.core.caching.conftest import use_database
from tests.core.caching.urls import RUNS
from tests.factories import make_banner, make_staff, make_user

pytestmark = pytest.mark.urls("tests.core.caching.urls")


@pytest.fixture(autouse=True)
def runs(settings, transactional_db):
    use_database(settings)
    settings.DEBUG = True  # shows X-Cache
    RUNS.clear()
    clear_url_caches()
    yield
    current_store.cache_clear()


def get_twice(client, address, **options):
    return [client.get(address, **options) for _ in range(2)]


def statuses(*responses):
    return [response.headers.get("X-Cache") for response in responses]


def test_second_request_is_a_hit_with_the_same_answer(client):
    make_banner(title="one")

    first, second = get_twice(client, "/titles")

    assert statuses(first, second) == ["miss", "hit"]
    assert second.content == first.content == b"Home: one"
    assert RUNS["titles"] == 1


def test_hit_has_the_headers_that_the_middleware_added(client):
    first, second = get_twice(client, "/titles")

    # Each request has an id and timings of its own, a hit, too.
    assert first.headers.pop("X-Request-ID") != second.headers.pop("X-Request-ID")
    for response in (first, second):
        response.headers.pop("Server-Timing", None)
    wanted = dict(first.items()) | {"X-Cache": "hit"}
    assert dict(second.items()) == wanted
    assert {"Content-Security-Policy", "X-Frame-Options", "X-Own"} <= wanted.keys()


def test_hit_asks_the_database_for_the_stamps_alone(client, django_assert_num_queries):
    client.get("/titles")

    with django_assert_num_queries(1):
        client.get("/titles")


def test_change_voids_the_page(client):
    banner = make_banner(title="old")
    client.get("/titles")

    banner.title = "new"
    banner.save()

    assert client.get("/titles").content == b"Home: new"


@pytest.mark.parametrize("method", ["post", "put", "delete", "options"])
def test_other_methods_pass_through(client, method):
    client.get("/titles")

    response = getattr(client, method)("/titles")

    assert response.headers.get("X-Cache") is None
    assert RUNS["titles"] == 2


def test_head_is_answered_from_the_page_but_does_not_make_it(client):
    first = client.head("/titles")
    client.get("/titles")

    last = client.head("/titles")

    assert statuses(first, last) == ["bypass", "hit"]
    assert last.content == b""


def test_language_host_and_scheme_have_pages_of_their_own(client):
    answers = [
        client.get("/titles"),
        client.get("/titles", headers={"accept-language": "zh-hans"}),
        client.get("/titles", headers={"host": "localhost"}),
        client.get("/titles", secure=True),
    ]

    assert statuses(*answers) == ["miss"] * 4
    assert answers[0].content != answers[1].content


def test_language_in_the_path_is_found(client):
    english, chinese = client.get("/en/page"), client.get("/zh-hans/page")

    assert statuses(english, chinese) == ["miss", "miss"]
    assert english.content == b"Home: "
    assert chinese.content != english.content
    assert client.get("/zh-hans/page").content == chinese.content


def test_order_of_parameters_does_not_matter(client):
    answers = [client.get("/titles?a=1&b=2"), client.get("/titles?b=2&a=1")]

    assert statuses(*answers) == ["miss", "hit"]


def test_unknown_parameters_are_not_cached(client):
    pages = [client.get("/known?page=2"), client.get("/known?page=3")]
    flood = get_twice(client, "/known?page=2&x=1")

    assert statuses(*pages, *flood) == ["miss", "miss", "bypass", "bypass"]


def test_query_may_be_left_out_of_the_key(client):
    answers = [client.get("/path-only?a=1"), client.get("/path-only?a=2")]

    assert statuses(*answers) == ["miss", "hit"]


def test_key_may_be_made_by_a_function(client):
    answers = [client.get("/own-key?k=1&t=1"), client.get("/own-key?k=1&t=2")]

    assert statuses(*answers) == ["miss", "hit"]


def test_long_addresses_are_told_apart(client):
    long = "x" * 500
    answers = [client.get(f"/titles?{long}=1"), client.get(f"/titles?{long}=2")]

    assert statuses(*answers) == ["miss", "miss"]


def test_unless_leaves_the_cache_alone(client):
    client.get("/unless")

    answers = get_twice(client, "/unless", headers={"live": "1"})

    assert statuses(*answers) == ["bypass", "bypass"]


def test_forced_update_makes_the_page_anew(client):
    client.get("/forced")

    again = client.get("/forced", headers={"again": "1"})

    assert statuses(again, client.get("/forced")) == ["miss", "hit"]
    assert RUNS["forced"] == 2


def test_response_filter_chooses_what_is_stored(client):
    good = get_twice(client, "/filtered?text=good")
    bad = get_twice(client, "/filtered?text=bad")

    assert statuses(*good)[1] == "hit"
    assert "hit" not in statuses(*bad)


def test_rendered_template_responses_are_stored(client):
    assert statuses(*get_twice(client, "/template")) == ["miss", "hit"]


@pytest.mark.parametrize(
    "name",
    [
        "sets-cookie",
        "private",
        "varies",
        "streams",
        "missing",
        "csrf",
        "writes-session",
        "reads-session",
    ],
)
def test_what_is_not_for_everyone_is_never_stored(name):
    responses = [Client().get(f"/{name}") for _ in range(3)]

    assert "hit" not in statuses(*responses)
    assert RUNS[name] == 3


def test_failing_view_is_an_error_each_time(client):
    client.raise_request_exception = False

    assert [r.status_code for r in get_twice(client, "/fails")] == [500, 500]


def test_visitor_with_a_session_gets_his_own_page(client):
    client.get("/titles")
    member = Client()
    member.force_login(make_user())

    assert statuses(*get_twice(member, "/titles")) == ["bypass", "bypass"]


def test_shared_response_is_for_those_with_a_session_too(client):
    client.get("/shared")
    member = Client()
    member.force_login(make_user())

    assert statuses(member.get("/shared")) == ["hit"]


def test_page_made_for_a_csrf_cookie_is_not_kept():
    client = Client()
    client.cookies["csrftoken"] = "x" * 32

    first, second = get_twice(client, "/titles")

    assert statuses(first, second) == ["bypass", "bypass"]


def test_csrf_cookie_may_read_what_others_made(client):
    Client().get("/titles")
    client.cookies["csrftoken"] = "x" * 32

    assert statuses(client.get("/titles")) == ["hit"]


@pytest.mark.parametrize("cookie", ["sessionid", "messages"])
def test_personal_cookies_bypass(client, cookie):
    client.get("/titles")
    client.cookies[cookie] = "anything"

    assert statuses(client.get("/titles")) == ["bypass"]


def test_authorization_bypasses(client):
    client.get("/shared")

    answer = client.get("/shared", headers={"authorization": "Bearer x"})

    assert statuses(answer) == ["bypass"]


def test_decorator_outside_is_not_passed_over(client):
    member = Client()
    member.force_login(make_user())
    answers = get_twice(member, "/guarded")

    stranger = client.get("/guarded")

    assert [answer.content for answer in answers] == [b"secret"] * 2
    assert stranger.status_code == 302


def test_status_is_not_shown_in_production(client, settings):
    settings.DEBUG = False

    assert statuses(*get_twice(client, "/titles")) == [None, None]


def test_staff_sees_the_status(client, settings):
    settings.DEBUG = False
    client.get("/shared")
    staff, member = Client(), Client()
    staff.force_login(make_staff())
    member.force_login(make_user())

    assert statuses(staff.get("/shared"), staff.get("/titles")) == ["hit", "bypass"]
    assert statuses(member.get("/shared")) == [None]


def test_forged_host_is_refused(client):
    assert client.get("/titles", headers={"host": "evil.test"}).status_code == 400


def test_works_without_the_middleware(client, settings):
    settings.MIDDLEWARE = [m for m in settings.MIDDLEWARE if "caching" not in m]
    client.handler.load_middleware()

    first, second = get_twice(client, "/titles")

    assert RUNS["titles"] == 1
    assert first.content == second.content


def test_without_the_middleware_cookies_added_later_are_foreseen(settings):
    settings.MIDDLEWARE = [m for m in settings.MIDDLEWARE if "caching" not in m]

    for name in ("csrf", "writes-session", "reads-session"):
        for _ in range(2):
            Client().get(f"/{name}")

    assert RUNS == {"csrf": 2, "writes-session": 2, "reads-session": 2}


def test_damaged_entry_is_a_miss_with_one_warning(client, caplog):
    (key, stamps) = "view:http://testserver/titles en", ["*", "articles.banner"]
    client.get("/titles")
    flight = current_store().look_up(key, stamps, is_forced=True)
    entry = current_store().find(key, stamps)
    flight.store(type(entry)(entry.built_ms, entry.expires_ms, b"{no json\n"))

    answers = get_twice(client, "/titles")

    assert statuses(*answers) == ["miss", "hit"]
    assert [record.levelname for record in caplog.records] == ["WARNING"]


def test_refuses_a_timeout_that_is_none():
    with pytest.raises(Exception, match="expected a positive number"):
        cached_view(tags=[], timeout=0)


def test_refuses_tags_that_are_one_string():
    with pytest.raises(ImproperlyConfigured, match="must be a list or tuple of str"):
        cached_view(tags="articles.banner")


def test_view_can_be_called_directly():
    view = cached_view(tags=["articles.banner"])(lambda request, n: HttpResponse(n))

    assert view(RequestFactory().get("/x"), n=7).content == b"7"

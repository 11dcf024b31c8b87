"""What visitors see: cookies, log-in and log-out, strange cookies, a lost database."""

from datetime import timedelta

import pytest
from django.conf import settings as site
from django.db import OperationalError
from django.test import Client
from django.utils import timezone

from core.sessions import SessionStore, rows
from core.sessions.ids import digest_of, make_id
from core.sessions.models import Session
from tests.core.sessions.test_store import saved
from tests.factories import make_user

COOKIE = site.SESSION_COOKIE_NAME
AGENT = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.core.sessions.urls")]


@pytest.fixture
def visitor():
    return Client(raise_request_exception=False, headers={"user-agent": AGENT})


def cookie_of(visitor):
    return visitor.cookies[COOKIE].value


def make_older(**age):
    """Let the last prolongation of every session be this long ago."""
    Session.objects.update(last_seen=timezone.now() - timedelta(**age))


def test_page_that_sets_nothing_gives_no_cookie(visitor):
    response = visitor.get("/who")

    assert COOKIE not in response.cookies
    assert not Session.objects.exists()


def test_cookie_is_given_once_and_lasts_two_weeks(visitor):
    response = visitor.get("/set?a=1")

    cookie = response.cookies[COOKIE]
    assert cookie["max-age"] == 14 * 24 * 3600
    assert cookie["httponly"]
    assert cookie["samesite"] == "Lax"
    assert COOKIE not in visitor.get("/data").cookies
    assert visitor.get("/data").json() == {"a": "1"}


def test_nested_change_is_kept(visitor):
    visitor.get("/append?item=ink")
    visitor.get("/append?item=brush")

    assert visitor.get("/data").json() == {"basket": ["ink", "brush"]}


def test_page_that_does_not_use_the_session_does_not_load_it(
    visitor, django_assert_num_queries
):
    visitor.get("/set?a=1")
    make_older(hours=1)

    with django_assert_num_queries(0):
        response = visitor.get("/nothing")

    assert COOKIE not in response.cookies
    assert not response.has_header("Vary") or "Cookie" not in response["Vary"]


def test_log_in_changes_the_id_and_keeps_the_data(visitor):
    user = make_user()
    visitor.get("/set?a=1")
    before = cookie_of(visitor)

    visitor.get(f"/log-in/{user.username}")

    assert cookie_of(visitor) != before
    assert visitor.get("/data").json()["a"] == "1"
    assert visitor.get("/who").content.decode() == user.username
    assert [row.user_id for row in Session.objects.all()] == [user.pk]


def test_log_out_ends_the_session_and_takes_the_cookie(visitor):
    user = make_user()
    visitor.get(f"/log-in/{user.username}")
    old = cookie_of(visitor)

    response = visitor.get("/log-out")

    assert response.cookies[COOKIE]["max-age"] == 0
    assert not Session.objects.exists()
    visitor.cookies[COOKIE] = old
    assert visitor.get("/who").content == b"anonymous"


def test_new_password_changes_the_id(visitor):
    user = make_user(password="old")
    visitor.force_login(user)
    before = cookie_of(visitor)
    request = visitor.get("/who").wsgi_request

    from django.contrib.auth import update_session_auth_hash

    user.set_password("new")
    user.save()
    update_session_auth_hash(request, user)
    request.session.save()

    assert request.session.session_key != before
    assert SessionStore(before).get("_auth_user_id") is None


def test_row_tells_address_browser_and_times(visitor):
    visitor.get("/set?a=1", REMOTE_ADDR="2001:db8::1%eth0")

    row = Session.objects.get()

    assert row.ip == "2001:db8::1"
    assert row.user_agent == AGENT
    assert row.device == "Firefox on Linux"
    assert row.created_at <= timezone.now()
    assert row.last_seen <= timezone.now()


def test_address_and_browser_may_be_strange(visitor):
    visitor.get("/set?a=1", REMOTE_ADDR="", headers={"user-agent": "é" * 1000})

    row = Session.objects.get()

    assert row.ip is None
    assert len(row.user_agent) == 200
    assert row.device == "Unknown device"


def test_used_session_is_prolonged_every_five_minutes(visitor):
    visitor.get("/set?a=1")
    make_older(minutes=4)
    before = Session.objects.get()
    visitor.get("/data")
    assert Session.objects.get().expire_date == before.expire_date

    make_older(minutes=5)
    response = visitor.get("/data", REMOTE_ADDR="192.0.2.7")

    after = Session.objects.get()
    assert after.expire_date > before.expire_date
    assert after.last_seen > before.last_seen
    assert after.ip == "192.0.2.7"
    assert after.version == before.version
    assert response.cookies[COOKIE]["max-age"] == 14 * 24 * 3600
    assert COOKIE not in visitor.get("/data").cookies


def test_session_is_not_prolonged_if_the_setting_says_so(visitor, settings):
    settings.SESSION_REFRESH_EACH_REQUEST = False
    visitor.get("/set?a=1")
    make_older(days=1)

    assert COOKIE not in visitor.get("/data").cookies


def test_session_may_be_prolonged_by_every_request(visitor, settings):
    settings.SESSION_TOUCH_S = 0
    visitor.get("/set?a=1")

    assert COOKIE in visitor.get("/data").cookies


def test_session_may_end_with_the_browser(visitor, settings):
    settings.SESSION_PERMANENT = False

    cookie = visitor.get("/set?a=1").cookies[COOKIE]

    assert cookie["max-age"] == ""
    assert cookie["expires"] == ""
    left = Session.objects.get().expire_date - timezone.now()
    assert left > timedelta(days=13)


def test_one_session_may_end_with_the_browser(visitor):
    cookie = visitor.get("/close-with-browser").cookies[COOKIE]

    assert cookie["max-age"] == ""


def test_lifetime_is_that_of_the_setting(visitor, settings):
    settings.PERMANENT_SESSION_LIFETIME = timedelta(days=31)

    cookie = visitor.get("/set?a=1").cookies[COOKIE]

    left = Session.objects.get().expire_date - timezone.now()
    assert cookie["max-age"] == 31 * 24 * 3600
    assert left.total_seconds() == pytest.approx(31 * 24 * 3600, abs=60)


STRANGE = [
    "",
    "short",
    "a" * 21,
    "a" * 300,
    "a" * 100_000,
    "' OR 1=1 --" + "a" * 30,
    "../../../../../../../../etc/passwd",
    "ä" * 43,
    "漢".encode().decode("latin-1") * 20,
    "a" * 42 + " ",
    "a" * 42 + "\x00",
    "gASVJgAAAAAAAACMBXBvc2l4lIwGc3lzdGVtlJOU==",
]


@pytest.mark.parametrize("cookie", STRANGE, ids=range(len(STRANGE)))
def test_impossible_cookie_is_not_looked_up(visitor, cookie, django_assert_num_queries):
    visitor.cookies[COOKIE] = cookie

    with django_assert_num_queries(0):
        response = visitor.get("/data")

    assert response.status_code == 200
    assert response.json() == {}


def test_made_up_id_is_never_adopted(visitor):
    made_up = make_id()
    visitor.cookies[COOKIE] = made_up

    assert visitor.get("/set?a=1").status_code == 200

    assert cookie_of(visitor) != made_up
    assert not Session.objects.filter(pk=digest_of(made_up)).exists()


def test_signed_cookie_is_accepted(visitor, settings):
    settings.SESSION_USE_SIGNER = True

    visitor.get("/set?a=1")

    assert cookie_of(visitor).count(".") == 1
    assert visitor.get("/data").json() == {"a": "1"}
    assert Session.objects.get().pk == digest_of(cookie_of(visitor))


def test_bad_signature_is_a_new_session_without_a_look(
    visitor, settings, django_assert_num_queries
):
    settings.SESSION_USE_SIGNER = True
    visitor.get("/set?a=1")
    name, _, signature = cookie_of(visitor).partition(".")

    for forged in (name, f"{name}.", f"{name}.{'A' * 43}", f"a{name[1:]}.{signature}"):
        visitor.cookies[COOKIE] = forged
        with django_assert_num_queries(0):
            response = visitor.get("/data")
        assert response.json() == {}
        assert response.cookies[COOKIE]["max-age"] == 0


def test_cookie_of_an_older_secret_is_accepted(visitor, settings):
    settings.SESSION_USE_SIGNER = True
    visitor.get("/set?a=1")

    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "a newer one"

    assert visitor.get("/data").json() == {"a": "1"}


def test_request_that_outlives_the_session_is_refused(visitor, monkeypatch):
    visitor.get("/set?a=1")
    replace = rows.replace

    def end_first(digest, *args, **columns):
        rows.delete([digest])
        return replace(digest, *args, **columns)

    monkeypatch.setattr(rows, "replace", end_first)
    response = visitor.get("/set?a=2")

    assert response.status_code == 400
    assert not Session.objects.exists()
    assert visitor.get("/data").json() == {}


@pytest.mark.parametrize(
    ("function", "address"), [("find", "/data"), ("replace", "/set?a=2")]
)
def test_failing_database_is_503_and_the_cookie_stays(
    visitor, monkeypatch, function, address
):
    visitor.get("/set?a=1")

    def fail(*args, **columns):
        raise OperationalError(1290, "The server is running with --read-only")

    with monkeypatch.context() as patch:
        patch.setattr(rows, function, fail)
        response = visitor.get(address)

    assert response.status_code == 503
    assert COOKIE not in response.cookies
    assert visitor.get("/data").json() == {"a": "1"}


def test_failed_log_out_says_so_and_can_be_repeated(visitor, monkeypatch):
    user = make_user()
    visitor.get(f"/log-in/{user.username}")

    def fail(digests):
        raise OperationalError(2003, "Can't connect")

    with monkeypatch.context() as patch:
        patch.setattr(rows, "delete", fail)
        response = visitor.get("/log-out")

    assert response.status_code == 503
    assert COOKIE not in response.cookies
    assert visitor.get("/who").content.decode() == user.username
    assert visitor.get("/log-out").status_code == 200


def test_failed_page_saves_nothing(visitor):
    visitor.get("/set?a=1")

    assert visitor.get("/fail").status_code == 503

    assert visitor.get("/data").json() == {"a": "1"}


@pytest.mark.parametrize(
    "engine", ["db", "cached_db", "cache", "file", "signed_cookies"]
)
def test_engines_of_django_go_on_working(settings, engine, tmp_path):
    settings.SESSION_ENGINE = f"django.contrib.sessions.backends.{engine}"
    settings.SESSION_FILE_PATH = tmp_path
    visitor = Client()

    visitor.get("/set?a=1")

    assert visitor.get("/data").json() == {"a": "1"}
    assert not Session.objects.exists()


def test_session_of_another_user_ends_at_log_in(visitor):
    one, other = make_user(), make_user()
    visitor.get(f"/log-in/{one.username}")
    visitor.get("/set?secret=1")

    visitor.get(f"/log-in/{other.username}")

    assert "secret" not in visitor.get("/data").json()
    assert [row.user_id for row in Session.objects.all()] == [other.pk]


def test_deleted_user_leaves_no_session():
    user = make_user()
    saved(_auth_user_id=str(user.pk))

    user.delete()

    assert not Session.objects.exists()

"""The page on which somebody sees and ends his sessions."""

import re

import pytest
from django.test import Client

from core.sessions import list_sessions
from core.sessions.models import Session
from tests.factories import make_user

FIREFOX = "Mozilla/5.0 (Windows NT 10.0; rv:140.0) Gecko/20100101 Firefox/140.0"
SAFARI = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) Version/18.6 Safari/604.1"
)
PAGE = "/en/accounts/sessions/"

pytestmark = pytest.mark.django_db


@pytest.fixture
def user():
    return make_user()


def logged_in(user, agent=FIREFOX, **options):
    browser = Client(headers={"user-agent": agent}, **options)
    browser.force_login(user)
    assert browser.get(PAGE).status_code == 200
    Session.objects.filter(user_agent="").update(user_agent=agent)
    return browser


def text_of(response):
    return re.sub(r"<[^>]+>|\s+", " ", response.content.decode())


def test_visitor_is_sent_to_the_login():
    response = Client().get(PAGE)

    assert response.status_code == 302
    assert response["Location"].endswith(f"?next={PAGE}")


def test_own_sessions_are_listed_and_the_current_one_is_marked(user):
    logged_in(make_user(), SAFARI.replace("iPhone", "iPad"))
    logged_in(user, SAFARI)
    text = text_of(logged_in(user).get(PAGE))

    assert "Safari on iPhone" in text
    assert "Firefox on Windows" in text
    assert "iPad" not in text
    assert len(re.findall("This session ", text)) == 1
    assert text.index("This session ") < text.index("Firefox on Windows")
    assert "Last seen" in text


def test_page_shows_no_cookie_and_no_data(user):
    browser = logged_in(user)

    page = browser.get(PAGE).content.decode()

    assert browser.cookies["sessionid"].value not in page
    assert Session.objects.get().session_data not in page


def test_page_is_kept_by_no_cache(user):
    assert "no-store" in logged_in(user).get(PAGE)["Cache-Control"]


def test_other_session_is_ended(user):
    there, here = logged_in(user, SAFARI), logged_in(user)
    (other,) = [row for row in list_sessions(user) if "iPhone" in row.user_agent]

    response = here.post(PAGE, {"session": other.pk}, follow=True)

    assert "That session has ended." in text_of(response)
    assert there.get(PAGE).status_code == 302
    assert here.get(PAGE).status_code == 200


def test_own_session_is_ended_by_logging_out(user):
    here = logged_in(user)

    response = here.post(PAGE, {"session": Session.objects.get().pk})

    assert response.cookies["sessionid"]["max-age"] == 0
    assert here.get(PAGE).status_code == 302
    assert not Session.objects.exists()


def test_all_others_are_ended(user):
    others = [logged_in(user, SAFARI) for _ in range(2)]
    stranger, here = logged_in(make_user()), logged_in(user)

    response = here.post(PAGE, {"session": "others"}, follow=True)

    assert "2 other sessions have ended." in text_of(response)
    assert [browser.get(PAGE).status_code for browser in others] == [302, 302]
    assert stranger.get(PAGE).status_code == 200
    assert "End all other sessions" not in text_of(response)


@pytest.mark.parametrize("chosen", ["", "nonsense", "'; DROP TABLE x; --"])
def test_unknown_session_makes_no_difference(user, chosen):
    here = logged_in(user)

    response = here.post(PAGE, {"session": chosen}, follow=True)

    assert response.status_code == 200
    assert Session.objects.count() == 1


def test_session_of_somebody_else_is_not_ended(user):
    stranger, here = logged_in(make_user()), logged_in(user)
    (theirs,) = Session.objects.exclude(user=user)

    here.post(PAGE, {"session": theirs.pk})

    assert stranger.get(PAGE).status_code == 200


def test_form_of_another_site_ends_nothing(user):
    here = logged_in(user, enforce_csrf_checks=True)

    assert here.post(PAGE, {"session": "others"}).status_code == 403
    assert here.get(PAGE).status_code == 200

import re

import pytest
from django.contrib.auth import get_user
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import translation

from core.messaging.models import Message
from tests.accounts.pages import (
    LOGIN,
    PASSWORD,
    PROFILE,
    RESET,
    SIGN_UP,
    errors_of,
    log_in,
    sign_up,
    text_of,
)
from tests.factories import make_plan, make_user

pytestmark = pytest.mark.django_db


PAGES = ["sign_up", "login", "password_reset", "password_reset_sent"]
OWN_PAGES = ["profile", "password_change", "orders", "order_new"]


@pytest.mark.parametrize("language", ["en", "zh-hans"])
@pytest.mark.parametrize("name", PAGES + OWN_PAGES)
def test_page_is_shown_in_both_languages(signed_in, name, language):
    make_plan()
    with translation.override(language):
        url = reverse(f"accounts:{name}")

    response = signed_in.get(url)

    assert response.status_code == 200
    assert f'<html lang="{language}">' in text_of(response)
    assert len(re.findall("<h1[ >]", text_of(response))) == 1


@pytest.mark.parametrize("name", OWN_PAGES)
def test_own_pages_ask_for_a_login_and_are_kept_by_nobody(client, user, name):
    with translation.override("en"):
        url = reverse(f"accounts:{name}")

    assert client.get(url).headers["Location"] == f"{LOGIN}?next={url}"
    client.force_login(user)
    assert "no-store" in client.get(url).headers["Cache-Control"]


@pytest.mark.parametrize("url", [SIGN_UP, LOGIN, PROFILE, RESET])
def test_every_input_has_a_label_and_says_what_it_expects(signed_in, url):
    page = text_of(signed_in.get(url))

    inputs = re.findall(r'<(?:input|select)[^>]* id="(id_\w+)"', page)
    assert inputs
    for id in inputs:
        assert f'<label class="form__label" for="{id}">' in page
    for type in ("password", "tel", "email"):
        for tag in re.findall(rf'<input type="{type}"[^>]*>', page):
            assert "autocomplete=" in tag


@pytest.mark.parametrize("url", [SIGN_UP, LOGIN])
def test_password_is_never_echoed(client, user, url):
    secret = "Zz9!unique"
    response = client.post(
        url,
        {"username": "lqz", "password": secret, "password1": secret, "password2": "x"},
    )

    assert response.status_code == 200
    assert secret not in text_of(response)


def test_login_by_name_and_by_phone(client):
    user = make_user(username="lqz", phone="+8613800138000", password=PASSWORD)

    for name in ("lqz", "+8613800138000"):
        response = log_in(client, name)
        assert response.headers["Location"] == PROFILE
        assert get_user(client) == user
        client.logout()


def test_login_begins_a_new_session(client, user):
    session = client.session
    session["seen"] = 1
    session.save()
    before = session.session_key

    log_in(client)

    assert client.session.session_key != before
    assert client.session["seen"] == 1


def test_names_outside_todays_rules_still_log_in(client):
    user = make_user(username="x", password="123456")

    log_in(client, "x", "123456")

    assert get_user(client) == user


@pytest.mark.parametrize("name", ["lqz", "nobody"])
def test_failure_does_not_tell_whether_the_name_exists(client, user, name):
    response = log_in(client, name, "wrong")

    assert response.status_code == 200
    assert errors_of(response) == {
        "__all__": ["The username or the password is wrong."]
    }


def test_blank_login_says_what_is_missing(client):
    assert errors_of(log_in(client, "", "")) == {
        "username": ["The username must not be empty."],
        "password": ["The password must not be empty."],
    }


@pytest.mark.parametrize("name", ["lqz", "nobody"])
def test_login_is_refused_after_five_failures(client, user, name):
    for _ in range(5):
        response = log_in(client, name, "wrong")

    assert response.status_code == 429
    assert 0 < int(response.headers["Retry-After"]) <= 15 * 60
    assert errors_of(response)["__all__"] == [
        "Too many failed attempts: try again in 15 minutes."
    ]
    assert log_in(client, name).status_code == 429
    assert not get_user(client).is_authenticated


def test_forged_address_does_not_help(client, user):
    for number in range(5):
        client.post(
            LOGIN,
            {"username": "lqz", "password": "wrong"},
            HTTP_X_FORWARDED_FOR=f"198.51.100.{number}",
        )

    assert log_in(client).status_code == 429


def test_administration_refuses_too_and_says_how_long(client):
    make_user(username="boss", password=PASSWORD, is_staff=True)
    for _ in range(5):
        log_in(client, "boss", "wrong")

    response = client.post(
        "/en/admin/login/", {"username": "boss", "password": PASSWORD}
    )

    assert "try again in 15 minutes" in text_of(response)
    assert not get_user(client).is_authenticated


@pytest.mark.parametrize(
    "target",
    [
        "https://evil.example/",
        "//evil.example/",
        r"/\evil.example/",
        "javascript:alert(1)",
        "http:///evil.example",
        "\r\nLocation: https://evil.example/",
    ],
)
@pytest.mark.parametrize("act", [log_in, sign_up], ids=["login", "sign-up"])
def test_leads_to_no_other_site(client, user, act, target):
    response = act(client, next=target)

    assert response.headers["Location"] == PROFILE


def test_leads_to_the_page_that_asked_for_the_login(client, user):
    response = log_in(client, next="/en/accounts/orders/")

    assert response.headers["Location"] == "/en/accounts/orders/"


def test_logout_takes_a_post(signed_in):
    assert signed_in.get("/en/accounts/logout/").status_code == 405
    assert get_user(signed_in).is_authenticated

    response = signed_in.post("/en/accounts/logout/")

    assert response.headers["Location"] == "/en/"
    assert not get_user(signed_in).is_authenticated


@pytest.mark.parametrize(
    "url", [SIGN_UP, LOGIN, RESET, PROFILE, "/en/accounts/logout/"]
)
def test_form_without_token_is_refused(user, url):
    client = Client(enforce_csrf_checks=True)
    client.force_login(user)

    response = client.post(url, {"username": "lqz", "password": PASSWORD})

    assert response.status_code == 403
    assert "reload the page" in text_of(response)


@pytest.mark.parametrize("url", [SIGN_UP, LOGIN, RESET])
def test_megabytes_are_refused(client, url):
    assert client.post(url, {"username": "x" * 10_000_000}).status_code == 400
    body = "username=" + "x" * 10_000_000
    form = "application/x-www-form-urlencoded"
    assert client.post(url, body, content_type=form).status_code == 400


def test_profile_saves_what_it_shows(signed_in, user):
    response = signed_in.post(
        PROFILE,
        {"first_name": "Qi", "email": "q@example.com", "phone": ""},
        follow=True,
    )

    user.refresh_from_db()
    assert (user.first_name, user.email, user.phone) == ("Qi", "q@example.com", None)
    assert "Your profile was saved." in text_of(response)


def test_profile_does_not_rename(signed_in, user):
    signed_in.post(PROFILE, {"username": "root", "is_staff": "on"})

    user.refresh_from_db()
    assert (user.username, user.is_staff) == ("lqz", False)


def test_profile_refuses_anothers_phone(signed_in):
    make_user(phone="+8613800138000")

    response = signed_in.post(PROFILE, {"phone": "+8613800138000"})

    assert list(errors_of(response)) == ["phone"]


def test_password_change_keeps_this_session_and_ends_the_others(signed_in, user):
    elsewhere = Client()
    elsewhere.force_login(user)

    signed_in.post(
        "/en/accounts/password/",
        {
            "old_password": PASSWORD,
            "new_password1": "Bb2@bbbb",
            "new_password2": "Bb2@bbbb",
        },
    )

    user.refresh_from_db()
    assert user.check_password("Bb2@bbbb")
    assert get_user(signed_in) == user
    assert not get_user(elsewhere).is_authenticated


def test_password_change_has_the_rules_of_sign_up(signed_in):
    response = signed_in.post(
        "/en/accounts/password/",
        {"old_password": PASSWORD, "new_password1": "kwx", "new_password2": "kwx"},
    )

    assert len(errors_of(response)["new_password2"]) == 2


def link_in_mail():
    body = Message.objects.get(template="password_reset").body
    return re.search(r"http://testserver(\S+)", body)[1]


def test_reset_by_mail(client, user):
    response = client.post(RESET, {"email": "LQZ@example.com"})
    assert response.headers["Location"] == "/en/accounts/password/reset/sent/"

    form = client.get(link_in_mail(), follow=True)
    new = {"new_password1": "Bb2@bbbb", "new_password2": "Bb2@bbbb"}
    response = client.post(form.request["PATH_INFO"], new, follow=True)

    user.refresh_from_db()
    assert user.check_password("Bb2@bbbb")
    assert "sign in with it" in text_of(response)
    assert "used already" in text_of(Client().get(link_in_mail(), follow=True))


def test_reset_ends_the_wait_after_too_many_failures(client, user):
    for _ in range(5):
        log_in(client, password="forgotten")
    client.post(RESET, {"email": "lqz@example.com"})

    form = client.get(link_in_mail(), follow=True)
    new = {"new_password1": "Bb2@bbbb", "new_password2": "Bb2@bbbb"}
    client.post(form.request["PATH_INFO"], new)
    log_in(client, password="Bb2@bbbb")

    assert get_user(client) == user


def test_reset_answers_alike_for_unknown_addresses(client, user):
    known = client.post(RESET, {"email": "lqz@example.com"}, follow=True)
    Message.objects.all().delete()

    unknown = client.post(RESET, {"email": "nobody@example.com"}, follow=True)

    assert text_of(known) == text_of(unknown)
    assert not Message.objects.exists()


def test_reset_does_as_much_for_unknown_addresses(client, user):
    def statements(email):
        with connection.execute_wrapper(note):
            client.post(RESET, {"email": email})
        return [noted.pop(0).split()[0] for _ in list(noted)]

    def note(execute, sql, *args):
        noted.append(sql)
        return execute(sql, *args)

    noted = []

    known, unknown = statements("lqz@example.com"), statements("nobody@example.com")

    # Undone by ROLLBACK TO instead of RELEASE, or by ROLLBACK instead of COMMIT.
    assert [word for word in known if word != "RELEASE"] == [
        word for word in unknown if word not in ("RELEASE", "ROLLBACK")
    ]


@pytest.mark.parametrize("uid", ["MQ", "x", "%00", "9" * 50])
def test_forged_reset_link_is_refused_in_words(client, uid):
    response = client.get(f"/en/accounts/password/reset/{uid}/abc-def/")

    assert response.status_code in (200, 404)
    if response.status_code == 200:
        assert "used already" in text_of(response)


def test_header_offers_to_sign_in_and_then_shows_who_is_in(client, user):
    visitors = text_of(client.get("/en/"))
    client.force_login(user)
    users = text_of(client.get("/en/"))

    assert LOGIN in visitors
    assert "lqz" not in visitors
    assert LOGIN not in users
    assert "lqz" in users
    assert 'action="/en/accounts/logout/"' in users


def test_users_page_is_not_shown_to_others(client, user):
    signed_in, other = Client(), Client()
    signed_in.force_login(user)

    signed_in.get("/en/")

    assert "lqz" not in text_of(other.get("/en/"))
    assert "lqz" in text_of(signed_in.get("/en/"))

import multiprocessing
import re

import pytest
from django.contrib.auth import get_user
from django.test import Client

from accounts.forms import SignUpForm
from accounts.models import Department, User
from core.messaging.models import Message
from tests.accounts.pages import (
    PASSWORD,
    PROFILE,
    SIGN_UP,
    errors_of,
    sign_up,
    text_of,
)
from tests.core.caching.processes import run
from tests.factories import make_user

pytestmark = pytest.mark.django_db

fork = multiprocessing.get_context("fork")


def test_sign_up_form_tells_the_browser_its_rules(client):
    page = text_of(client.get(SIGN_UP))

    name = re.search('<input[^>]*name="username"[^>]*>', page)[0]
    for attribute in (
        'minlength="6"',
        'maxlength="18"',
        "required",
        'placeholder="Enter your username"',
        'autocomplete="username"',
        'class="form-control"',
    ):
        assert attribute in name
    password = re.search('<input[^>]*name="password1"[^>]*>', page)[0]
    for attribute in (
        'minlength="8"',
        'maxlength="128"',
        'autocomplete="new-password"',
    ):
        assert attribute in password


def test_faults_are_tied_to_their_input(client):
    page = text_of(sign_up(client, username="short"))

    name = re.search('<input[^>]*name="username"[^>]*>', page)[0]
    assert 'aria-invalid="true"' in name
    described = re.search('aria-describedby="([^"]+)"', name)[1].split()
    assert "id_username_error" in described
    for id in described:
        assert f'id="{id}"' in page


def test_sign_up_makes_a_user_who_is_signed_in(client):
    department = Department.objects.create(name="编辑部")

    response = sign_up(
        client, email="l@example.com", phone="+8613800138000", department=department.pk
    )

    user = User.objects.get()
    assert response.headers["Location"] == PROFILE
    assert get_user(client) == user
    assert user.check_password(PASSWORD)
    assert (user.username, user.department) == ("lqzlqz", department)
    assert not user.is_staff
    assert Message.objects.filter(template="welcome").count() == 2


def test_sign_up_cannot_make_staff(client):
    sign_up(client, is_staff="on", is_superuser="on")

    assert not User.objects.get().is_staff
    assert not User.objects.get().is_superuser


LENGTH = "The username needs 6 to 18 characters."
EMPTY = "The username must not be empty."


@pytest.mark.parametrize(
    ("name", "faults"),
    [
        ("", [EMPTY]),
        ("      ", [EMPTY]),
        ("a" * 5, [LENGTH]),
        ("a" * 6, []),
        ("a" * 18, []),
        ("a" * 19, [LENGTH]),
        ("石砚石砚石砚", []),
    ],
)
def test_username_rules(client, name, faults):
    response = sign_up(client, username=name)

    if faults:
        assert errors_of(response) == {"username": faults}
        assert not User.objects.exists()
    else:
        assert User.objects.get().username == name


@pytest.mark.parametrize(
    "name", ["🀄🀄🀄🀄🀄🀄", "lqz\0lqz", "lqz lqz", "<script>1", "x" * 100_000]
)
def test_odd_usernames_are_refused_in_words(client, name):
    response = sign_up(client, username=name)

    assert response.status_code == 200
    assert list(errors_of(response)) == ["username"]
    assert not User.objects.exists()


def test_every_broken_rule_of_a_name_is_said(client):
    faults = errors_of(sign_up(client, username="+!"))["username"]

    assert len(faults) == 3
    assert LENGTH in faults
    assert "must not begin with +" in faults[2]


@pytest.mark.parametrize("taken", ["lqzlqz", "LqzLqz", "ｌｑｚｌｑｚ"])
def test_name_that_is_taken_is_refused(client, taken):
    make_user(username="lqzlqz")

    response = sign_up(client, username=taken)

    assert errors_of(response) == {
        "username": ["A user with that username already exists."]
    }


def test_every_broken_rule_of_a_password_is_said_where_it_was_entered(client):
    response = sign_up(client, password1="kwx", password2="kwx")

    assert list(errors_of(response)) == ["password1"]
    assert len(errors_of(response)["password1"]) == 2


@pytest.mark.parametrize("blank", ["", "        "])
def test_of_a_blank_password_nothing_else_is_said(client, blank):
    faults = errors_of(sign_up(client, password1=blank, password2=blank))

    assert set(map(tuple, faults.values())) == {("The password must not be empty.",)}


def test_passwords_that_differ_are_refused(client):
    assert list(errors_of(sign_up(client, password2="Aa1!bbbb"))) == ["password2"]


@pytest.mark.parametrize("phone", ["123", "13800138000", "+86 138", "phone", "+" * 99])
def test_what_is_no_phone_is_refused(client, phone):
    assert list(errors_of(sign_up(client, phone=phone))) == ["phone"]


def test_phone_of_another_user_is_refused(client):
    make_user(phone="+8613800138000")

    assert list(errors_of(sign_up(client, phone="+8613800138000"))) == ["phone"]


def test_department_added_meanwhile_can_be_chosen(client):
    client.get(SIGN_UP)
    Department.objects.create(name="设计部")

    assert "设计部" in text_of(client.get(SIGN_UP))


def test_name_taken_between_look_and_insert_is_refused_in_words(client, monkeypatch):
    looked = SignUpForm.clean

    def taken_meanwhile(form):
        result = looked(form)
        if not User.objects.exists():
            make_user(username="lqzlqz")
        return result

    monkeypatch.setattr(SignUpForm, "validate_unique", lambda form: None)
    monkeypatch.setattr(SignUpForm, "clean", taken_meanwhile)

    response = sign_up(client)

    assert list(errors_of(response)) == ["username"]
    assert User.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_of_two_who_take_a_name_at_once_one_is_told_so():
    start, told = fork.Barrier(2), fork.Value("i")

    def sign_up_often():
        for number in range(10):
            start.wait(20)
            response = sign_up(Client(), username=f"racing{number}")
            if response.status_code == 200:
                assert list(errors_of(response)) == ["username"]
                with told.get_lock():
                    told.value += 1

    assert run(sign_up_often, sign_up_often) == [0, 0]
    assert User.objects.count() == 10
    assert told.value == 10

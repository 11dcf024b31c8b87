import pytest
from django.contrib.auth import authenticate
from django.contrib.auth.hashers import MD5PasswordHasher
from django.test import RequestFactory

from tests.factories import make_user

pytestmark = pytest.mark.django_db

PASSWORD = "Aa1!aaaa"


def log_in(username, password=PASSWORD):
    request = RequestFactory().post("/")
    return authenticate(request, username=username, password=password)


@pytest.mark.parametrize("identifier", ["lqz", "+8613800138000"])
def test_logs_in_by_name_or_phone(identifier):
    user = make_user(username="lqz", phone="+8613800138000", password=PASSWORD)

    assert log_in(identifier) == user
    assert log_in(identifier, "wrong") is None


def test_name_wins_over_a_phone_that_somebody_typed_into_his_profile():
    owner = make_user(username="+8613800138000", password=PASSWORD)
    make_user(phone="+8613800138000", password="other")

    assert log_in("+8613800138000") == owner
    assert log_in("+8613800138000", "other") is None


def test_name_and_phone_share_their_failures():
    make_user(username="lqz", phone="+8613800138000", password=PASSWORD)

    for identifier in ["lqz", "+8613800138000", "lqz", "+8613800138000", "lqz"]:
        log_in(identifier, "wrong")

    assert log_in("+8613800138000") is None


def test_works_without_a_request():
    user = make_user(username="lqz", password=PASSWORD)

    assert authenticate(username="lqz", password=PASSWORD) == user


def test_other_credentials_are_for_other_backends():
    assert authenticate(token="x") is None


@pytest.mark.parametrize("name", ["unknown", "known", "unusable", "inactive"])
def test_every_failure_hashes_once(name, monkeypatch):
    make_user(username="known", password=PASSWORD)
    make_user(username="unusable", password=None)
    make_user(username="inactive", password=PASSWORD, is_active=False)
    hashed = []
    encode = MD5PasswordHasher.encode

    def counting(self, password, salt):
        hashed.append(name)
        return encode(self, password, salt)

    monkeypatch.setattr(MD5PasswordHasher, "encode", counting)

    assert log_in(name, "wrong") is None
    assert hashed == [name]


def test_known_and_unknown_names_take_as_many_queries(django_assert_num_queries):
    make_user(username="known", password=PASSWORD)
    for name in ("known", "unknown"):
        log_in(name, "wrong")

    for name in ("known", "unknown"):
        with django_assert_num_queries(4):
            log_in(name, "wrong")

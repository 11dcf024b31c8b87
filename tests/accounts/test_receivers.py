import logging

import pytest
from django.core import serializers
from django.core.management import call_command
from django.db import transaction
from django.template import engines

from accounts.models import User
from core.messaging.models import Message
from core.signals import table_imported
from tests.factories import make_user

pytestmark = pytest.mark.django_db

LOGGER = "accounts.receivers"

REACHABLE = {"email": "ada@example.com", "phone": "+8613800138000"}


def sent():
    messages = Message.objects.order_by("channel")
    return list(messages.values_list("channel", "to", "template"))


WELCOMES = [
    ("email", "ada@example.com", "welcome"),
    ("sms", "+8613800138000", "welcome"),
]


def test_new_user_is_welcomed_once_on_each_way():
    user = make_user(**REACHABLE)
    user.first_name = "Ada"
    user.save()

    assert sent() == WELCOMES


def test_who_cannot_be_reached_is_not_welcomed():
    make_user()

    assert sent() == []


def test_user_that_is_rolled_back_is_not_welcomed():
    with transaction.atomic():
        make_user(**REACHABLE)
        transaction.set_rollback(True)

    assert sent() == []


@pytest.mark.django_db(transaction=True)
def test_user_and_welcome_are_of_one_transaction(monkeypatch):
    monkeypatch.setattr("accounts.messages.draft_sms", lambda *a, **k: 1 / 0)

    with pytest.raises(ZeroDivisionError):
        make_user(**REACHABLE)

    assert not User.objects.exists()
    assert sent() == []


@pytest.mark.parametrize(
    "values", [{"email": "nobody"}, {"phone": "+nobody"}], ids=["email", "phone"]
)
def test_malformed_address_does_not_prevent_the_account(values, caplog):
    user = make_user(**values)

    assert sent() == []
    assert f"user {user.pk} is not written to" in caplog.text
    assert "nobody" not in caplog.text


def test_fixture_welcomes_nobody():
    user = make_user()
    fixture = serializers.serialize("json", [User(pk=user.pk + 1, **REACHABLE)])

    for restored in serializers.deserialize("json", fixture):
        restored.save()

    assert User.objects.count() == 2
    assert sent() == []


def test_language_of_the_welcome_is_the_one_in_use():
    make_user(**REACHABLE)

    assert set(Message.objects.values_list("language", flat=True)) == {"en"}


def write_workbook(path, rows):
    from openpyxl import Workbook

    book = Workbook()
    for row in rows:
        book.active.append(row)
    book.save(path)
    return path


@pytest.mark.django_db(transaction=True)
def test_imported_users_are_welcomed_once(tmp_path):
    make_user(username="before", phone="+8613800138001")
    Message.objects.all().delete()
    file = write_workbook(
        tmp_path / "users.xlsx",
        [
            ["username", "email", "phone"],
            ["ada", "ada@example.com", "+8613800138000"],
            ["bob", None, None],
        ],
    )

    call_command("init_db", file, "accounts.User")

    assert sent() == WELCOMES
    table_imported.send(sender=User, table="accounts_user", using="default", rows=2)
    assert sent() == WELCOMES


def test_many_imported_users_are_welcomed_in_bounded_steps(
    django_assert_max_num_queries,
):
    User.objects.bulk_create(
        User(username=f"u{n}", email=f"u{n}@example.com", is_welcome_due=True)
        for n in range(1200)
    )

    with django_assert_max_num_queries(100):
        table_imported.send(sender=User, table="", using="default", rows=1200)

    assert Message.objects.filter(template="welcome").count() == 1200
    assert not User.objects.filter(is_welcome_due=True).exists()


def test_each_showing_of_the_login_page_is_logged(client, caplog):
    caplog.set_level(logging.INFO, LOGGER)

    for _ in range(2):
        client.get("/en/admin/login/")

    lines = [record.getMessage() for record in caplog.records if record.name == LOGGER]
    assert lines == ["login page rendered: admin/login.html"] * 2


def test_other_pages_are_not_logged(client, caplog):
    caplog.set_level(logging.INFO, LOGGER)

    client.get("/en/")
    engines["django"].from_string("login.html").render()

    assert LOGGER not in {record.name for record in caplog.records}

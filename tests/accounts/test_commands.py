import re
from io import StringIO

import pytest
from django.contrib.auth.password_validation import validate_password
from django.core.management import CommandError, call_command

from accounts.models import Order, User
from core.messaging.models import Message
from tests.factories import make_order, make_user

pytestmark = pytest.mark.django_db


def create_user(*arguments):
    out = StringIO()
    call_command("create-user", *arguments, stdout=out, no_color=True)
    return out.getvalue()


def test_creates_a_user_whose_password_is_printed_once():
    printed = create_user("lqz")

    user = User.objects.get()
    password = re.search(r"Password: (\S+)", printed)[1]
    assert user.username == "lqz"
    assert user.check_password(password)
    validate_password(password, user)
    assert not user.is_staff
    assert printed.count(password) == 1


def test_passwords_are_random():
    assert create_user("lqz") != create_user("ada").replace("ada", "lqz")


def test_given_password_is_taken_as_it_is_and_not_printed():
    printed = create_user("lqz", "--password", "123456")

    assert User.objects.get().check_password("123456")
    assert "123456" not in printed


def test_options_fill_the_account_and_it_is_welcomed():
    create_user(
        "lqz", "--email", "l@Example.com", "--phone", "+8613800138000", "--staff"
    )

    user = User.objects.get()
    assert (user.email, user.phone) == ("l@example.com", "+8613800138000")
    assert user.is_staff
    assert not user.is_superuser
    assert Message.objects.filter(template="welcome").count() == 2


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["lqz"], "username='lqz': A user with that username already exists."),
        (["l z"], "username='l z': Enter a valid username."),
        (["x" * 151], "at most 150 characters"),
        (["ada", "--phone", "123"], "phone='123': Enter an international number"),
        (["ada", "--email", "x"], "email='x': Enter a valid email address."),
    ],
)
def test_what_is_wrong_is_said_and_nothing_created(arguments, sentence):
    make_user(username="lqz")

    with pytest.raises(CommandError) as caught:
        create_user(*arguments)

    assert sentence in str(caught.value)
    assert caught.value.returncode == 1
    assert User.objects.count() == 1


def test_expires_orders_and_says_how_many():
    order = make_order()
    Order.objects.update(pay_before=order.placed_at)
    out = StringIO()

    call_command("expire_orders", stdout=out)
    call_command("expire_orders", stdout=out)

    assert out.getvalue() == "1 orders expired.\n0 orders expired.\n"

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from accounts.models import Department, User
from tests.factories import make_user

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("phone", ["+8613800138000", "+14155550123", None])
def test_accepts_international_numbers(phone):
    make_user(phone=phone).clean_fields(exclude=["password"])


@pytest.mark.parametrize(
    "phone",
    ["13800138000", "+0123456789", "+86 138 0013 8000", "+861", "+８６138001380"],
)
def test_refuses_other_numbers(phone):
    with pytest.raises(ValidationError) as caught:
        User(username="u", phone=phone).clean_fields(exclude=["password"])

    assert "international number" in caught.value.message_dict["phone"][0]


def test_database_refuses_a_number_without_country():
    with pytest.raises(IntegrityError), transaction.atomic():
        make_user(phone="13800138000")


def test_many_users_may_have_no_phone_but_none_may_share_one():
    make_user(phone=None)
    make_user(phone=None)
    make_user(phone="+8613800138000")

    with pytest.raises(IntegrityError), transaction.atomic():
        make_user(phone="+8613800138000")


def test_users_outlive_their_department():
    department = Department.objects.create(name="编辑部")
    user = make_user(department=department)

    department.delete()

    user.refresh_from_db()
    assert user.department is None

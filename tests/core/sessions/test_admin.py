"""Staff sees who is logged in where, and ends sessions."""

import pytest
from django.test import Client
from django.urls import reverse

from core.sessions.models import Session
from tests.core.sessions.test_store import saved
from tests.factories import make_staff, make_user

LIST = "/en/admin/core_sessions/session/"

pytestmark = pytest.mark.django_db


@pytest.fixture
def staff(client):
    client.force_login(make_staff())
    return client


def session_of(user):
    session = saved(_auth_user_id=str(user.pk), secret="tea")
    return Session.objects.get(user=user), session


def shown(response):
    return {row.pk for row in response.context["cl"].result_list}


def test_sessions_are_listed_without_their_data(staff):
    user = make_user()
    row, session = session_of(user)

    page = staff.get(LIST).content.decode()

    assert user.username in page
    assert session.session_key not in page
    assert row.session_data not in page


def test_list_does_not_query_per_row(staff, django_assert_max_num_queries):
    for _ in range(8):
        session_of(make_user())

    with django_assert_max_num_queries(10):
        staff.get(LIST)


def test_list_is_of_one_user_by_link_or_by_name(staff):
    user = make_user()
    row, _ = session_of(user)
    session_of(make_user())

    assert shown(staff.get(LIST, {"user": user.pk})) == {row.pk}
    assert shown(staff.get(LIST, {"q": user.username})) == {row.pk}


def test_selected_sessions_are_ended(staff):
    (row, _), (other, _) = session_of(make_user()), session_of(make_user())

    data = {"action": "end_sessions", "_selected_action": [row.pk]}
    response = staff.post(LIST, data, follow=True)

    assert "1 session has ended." in response.content.decode()
    assert not Session.objects.filter(pk=row.pk).exists()
    assert Session.objects.filter(pk=other.pk).exists()


def test_sessions_are_neither_made_nor_changed_nor_opened_with_their_data(staff):
    row, _ = session_of(make_user())
    page = reverse("admin:core_sessions_session_change", args=[row.pk])

    assert staff.get(f"{LIST}add/").status_code == 403
    assert staff.post(page, {"user": ""}).status_code == 403
    assert row.session_data not in staff.get(page).content.decode()


def test_staff_without_the_right_sees_nothing():
    visitor = Client()
    visitor.force_login(make_staff(is_superuser=False))

    assert visitor.get(LIST).status_code == 403

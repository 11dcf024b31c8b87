import re
import uuid

import pytest
from django.test import Client
from django.utils import translation

from accounts.models import Order
from accounts.orders import cancel_order
from tests.accounts.pages import errors_of, text_of
from tests.factories import make_order, make_plan

pytestmark = pytest.mark.django_db

ORDERS = "/en/accounts/orders/"
NEW = "/en/accounts/orders/new/"


def place(client, plan, token=None):
    return client.post(NEW, {"plan": plan.pk, "token": token or uuid.uuid4()})


@pytest.mark.parametrize("language", ["en", "zh-hans"])
@pytest.mark.parametrize("status", Order.Status)
def test_order_is_shown_in_both_languages(signed_in, user, status, language):
    order = make_order(user=user)
    Order.objects.update(
        status=status, closed_at=None if status == "placed" else order.placed_at
    )
    with translation.override(language):
        url = order.get_absolute_url()

    page = text_of(signed_in.get(url))

    assert f'<html lang="{language}">' in page
    assert "¥99.00" in page
    assert str(order.number) in page
    assert ("/cancel/" in page) is (status == "placed")


def test_form_offers_plans_with_price_and_days(signed_in):
    make_plan(name="Month", days=30, price_fen=1905)
    make_plan(name="Old", is_offered=False)

    page = text_of(signed_in.get(NEW))

    assert "Month" in page
    assert "¥19.05 · 30 days" in page
    assert "Old" not in page


def test_plan_added_meanwhile_is_offered(signed_in):
    assert "No membership is offered" in text_of(signed_in.get(NEW))

    make_plan(name="Month")

    assert "Month" in text_of(signed_in.get(NEW))


def test_order_is_placed_and_shown(signed_in, user):
    plan = make_plan()
    form = text_of(signed_in.get(NEW))
    token = re.search('name="token" value="([^"]+)"', form)[1]

    response = place(signed_in, plan, token)

    order = Order.objects.get()
    assert (order.user, order.plan, str(order.token)) == (user, plan, token)
    assert response.headers["Location"] == f"{ORDERS}{order.number}/"


def test_form_sent_twice_leads_to_the_same_order(signed_in):
    plan, token = make_plan(), uuid.uuid4()

    first, second = place(signed_in, plan, token), place(signed_in, plan, token)

    assert first.headers["Location"] == second.headers["Location"]
    assert Order.objects.count() == 1


def test_every_form_has_its_own_token(signed_in):
    make_plan()
    pages = [text_of(signed_in.get(NEW)) for _ in range(2)]

    first, second = (
        re.search('name="token" value="([^"]+)"', page)[1] for page in pages
    )

    assert first != second


@pytest.mark.parametrize(
    "wrong",
    [{"plan": ""}, {"plan": "x"}, {"plan": "0"}, {"token": ""}, {"token": "x"}],
    ids=str,
)
def test_form_that_is_wrong_places_nothing(signed_in, wrong):
    values = {"plan": make_plan().pk, "token": uuid.uuid4()} | wrong

    response = signed_in.post(NEW, values)

    assert list(errors_of(response)) == list(wrong)
    assert errors_of(response)[next(iter(wrong))][0] in text_of(response)
    assert not Order.objects.exists()


def test_plan_that_is_not_offered_any_more_is_refused(signed_in):
    make_plan()
    response = place(signed_in, make_plan(is_offered=False))

    assert "not offered any more" in text_of(response)
    assert not Order.objects.exists()


def test_own_orders_are_listed_newest_first(
    signed_in, user, django_assert_max_num_queries
):
    plans = [make_plan(name=f"Plan of {month}") for month in ("May", "June")]
    for plan in plans:
        make_order(user=user, plan=plan)
    make_order(plan=make_plan(name="Plan of another"))

    with django_assert_max_num_queries(6):
        page = text_of(signed_in.get(ORDERS))

    assert 0 < page.index("Plan of June") < page.index("Plan of May")
    assert "Plan of another" not in page


def test_list_has_pages(signed_in, user):
    plan = make_plan()
    for _ in range(21):
        make_order(user=user, plan=plan)

    assert "?page=2" in text_of(signed_in.get(ORDERS))
    assert text_of(signed_in.get(ORDERS, {"page": 2})).count("entry__title") == 1


def test_cancelling(signed_in, user):
    order = make_order(user=user)

    response = signed_in.post(f"{ORDERS}{order.number}/cancel/", follow=True)

    order.refresh_from_db()
    assert order.status == Order.Status.CANCELLED
    assert "The order was cancelled." in text_of(response)


def test_cancelling_what_is_closed_says_why_not(signed_in, user):
    order = make_order(user=user)
    cancel_order(order)

    response = signed_in.post(f"{ORDERS}{order.number}/cancel/", follow=True)

    assert "could not be cancelled, because it is cancelled" in text_of(response)


def test_orders_of_others_do_not_exist(signed_in):
    order = make_order()

    assert signed_in.get(f"{ORDERS}{order.number}/").status_code == 404
    assert signed_in.post(f"{ORDERS}{order.number}/cancel/").status_code == 404
    order.refresh_from_db()
    assert order.is_open


def test_cancelling_takes_a_post_and_a_token(user):
    order = make_order(user=user)
    client = Client(enforce_csrf_checks=True)
    client.force_login(user)
    url = f"{ORDERS}{order.number}/cancel/"

    assert client.get(url).status_code == 405
    assert client.post(url).status_code == 403
    order.refresh_from_db()
    assert order.is_open


def test_profile_shows_the_membership(signed_in, user):
    from accounts.orders import receive_payment

    assert "Become a member" in text_of(signed_in.get("/en/accounts/profile/"))

    receive_payment(make_order(user=user), reference="p", amount_fen=9900)

    page = text_of(signed_in.get("/en/accounts/profile/"))
    assert "Become a member" not in page
    assert "until " in page

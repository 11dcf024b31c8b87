import pytest

from accounts.models import Order, Payment, User
from accounts.orders import cancel_order, receive_payment
from core.messaging.models import Message
from tests.accounts.pages import text_of
from tests.factories import make_order, make_plan, make_staff, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def staff(client):
    client.force_login(make_staff(username="staff"))
    return client


def run_action(staff, model, name, *rows):
    data = {"action": name, "_selected_action": [row.pk for row in rows]}
    return text_of(staff.post(f"/en/admin/accounts/{model}/", data, follow=True))


def test_order_marked_as_paid_extends_the_membership(staff):
    order = make_order()

    page = run_action(staff, "order", "mark_as_paid", order)

    order.refresh_from_db()
    assert "1 of 1 orders were changed." in page
    assert order.status == Order.Status.PAID
    assert order.user.is_member
    assert Payment.objects.get().reference == f"manual-{order.number}"


def test_closed_orders_are_left_alone(staff):
    paid, cancelled = make_order(), make_order()
    receive_payment(paid, reference="p", amount_fen=paid.amount_fen)
    cancel_order(cancelled)

    for action in ("mark_as_paid", "cancel"):
        page = run_action(staff, "order", action, paid, cancelled)
        assert "0 of 2 orders were changed." in page

    assert Payment.objects.count() == 1


def test_orders_can_be_cancelled(staff):
    order = make_order()

    run_action(staff, "order", "cancel", order)

    order.refresh_from_db()
    assert order.status == Order.Status.CANCELLED


def test_orders_are_neither_added_nor_changed_nor_deleted_by_hand(staff):
    order = make_order()
    url = f"/en/admin/accounts/order/{order.pk}"

    page = text_of(staff.get(f"{url}/change/"))
    staff.post(f"{url}/change/", {"status": "paid", "_save": ""})

    order.refresh_from_db()
    assert order.is_open
    assert 'name="status"' not in page
    assert str(order.token) not in page
    assert staff.post(f"{url}/delete/", {"post": "yes"}).status_code == 403
    assert staff.get("/en/admin/accounts/order/add/").status_code == 403


def test_payments_are_marked_as_refunded(staff):
    order = make_order()
    cancel_order(order)
    due = receive_payment(order, reference="late", amount_fen=order.amount_fen)
    kept = make_order()
    applied = receive_payment(kept, reference="p", amount_fen=kept.amount_fen)

    run_action(staff, "payment", "mark_as_refunded", due, applied)

    due.refresh_from_db()
    applied.refresh_from_db()
    assert due.outcome == Payment.Outcome.REFUNDED
    assert applied.outcome == Payment.Outcome.APPLIED


def test_viewers_may_not_mark_as_paid(client):
    from django.contrib.auth.models import Permission

    viewer = make_user(is_staff=True)
    viewer.user_permissions.add(Permission.objects.get(codename="view_order"))
    client.force_login(viewer)
    order = make_order()

    run_action(client, "order", "mark_as_paid", order)

    order.refresh_from_db()
    assert order.is_open


def test_plan_may_not_be_free(staff):
    make_plan()

    response = staff.post(
        "/en/admin/accounts/plan/add/",
        {"name": "Free", "days": 0, "price_fen": 0, "position": 0},
    )

    assert set(response.context["adminform"].errors) == {"days", "price_fen"}


def add_user(staff, password, **values):
    return staff.post(
        "/en/admin/accounts/user/add/",
        {
            "username": "added",
            "usable_password": "true",
            "password1": password,
            "password2": password,
            **values,
        },
    )


def test_user_added_by_staff_is_welcomed(staff):
    add_user(staff, "Zx9!kwtr", email="a@example.com", phone="+8613800138000")

    assert User.objects.filter(username="added").exists()
    assert Message.objects.filter(template="welcome").count() == 2


def test_user_added_by_staff_has_the_rules_of_passwords(staff):
    response = add_user(staff, "kwx")

    assert len(response.context["adminform"].errors["password2"]) == 2

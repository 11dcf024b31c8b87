from datetime import timedelta

import pytest
from django.contrib.auth.models import Permission
from django.db.models import F
from django.urls import reverse
from django.utils import timezone

from core.messaging import send_email
from core.messaging.models import Message
from tests.core.messaging.processes import PHONE, deliver, message
from tests.factories import make_user

pytestmark = pytest.mark.django_db

LIST = "admin:core_messaging_message_changelist"


@pytest.fixture
def people(client):
    """Sign in with these rights: ``people("view", "change")``."""

    def sign_in(*rights):
        user = make_user(is_staff=True)
        names = [f"{right}_message" for right in rights]
        user.user_permissions.set(Permission.objects.filter(codename__in=names))
        client.force_login(user)
        return client

    return sign_in


@pytest.fixture
def operator(people):
    return people("view", "change")


def page_of(client, queued):
    url = reverse("admin:core_messaging_message_change", args=[queued.pk])
    return client.get(url).content.decode()


def act(client, action, *selected):
    data = {"action": action, "_selected_action": [m.pk for m in selected]}
    return client.post(reverse(LIST), data, follow=True).content.decode()


def test_list_masks_recipients(operator):
    message()
    send_email("mei@example.com", "welcome", {"name": "Mei"})

    page = operator.get(reverse(LIST)).content.decode()

    assert "+86***00" in page
    assert "m***@example.com" in page
    assert PHONE not in page
    assert "mei@example.com" not in page


def test_page_of_a_message_shows_what_its_recipient_sees(operator):
    page = page_of(operator, message())

    assert PHONE in page
    assert "Search, Mei! Code 42" in page
    assert "<iframe" not in page


def test_page_of_an_email_frames_its_html(operator):
    queued = send_email("mei@example.com", "welcome", {"name": "Mei"})
    url = reverse("admin:core_messaging_message_preview", args=[queued.pk])

    assert f'<iframe src="{url}" sandbox' in page_of(operator, queued)
    preview = operator.get(url)
    assert preview.content.decode() == "<p>Mei</p>"
    assert preview["X-Frame-Options"] == "SAMEORIGIN"
    assert preview["Content-Security-Policy"].startswith("sandbox; default-src 'none'")


def test_markup_in_a_message_is_shown_as_text(operator):
    queued = message()
    Message.objects.update(body="<script>alert(1)</script>")

    assert "<script>alert(1)" not in page_of(operator, queued)


def test_message_cannot_be_changed_in_a_form(operator):
    queued = message()

    assert 'name="_save"' not in page_of(operator, queued)
    assert operator.get(reverse("admin:core_messaging_message_add")).status_code == 403


@pytest.mark.parametrize("page", ["changelist", "change", "preview"])
def test_strangers_see_nothing(people, page):
    queued = send_email("mei@example.com", "welcome", {"name": "Mei"})
    arguments = [] if page == "changelist" else [queued.pk]

    url = reverse(f"admin:core_messaging_message_{page}", args=arguments)

    assert people().get(url).status_code in {403, 404}


def test_who_may_only_look_may_not_send(people, sms_outbox):
    queued = message()
    deliver()
    viewer = people("view")

    act(viewer, "send_again", queued)
    act(viewer, "cancel", queued)

    assert Message.objects.count() == 1


@pytest.mark.parametrize("status", ["dead", "cancelled"])
def test_ended_message_is_sent_again(operator, sms_outbox, status):
    queued = message()
    Message.objects.update(
        status=status, not_before=None, attempts=15, last_error="busy"
    )

    page = act(operator, "send_again", queued)
    deliver()

    assert "1 message will be sent again." in page
    assert [sent.id for sent in sms_outbox] == [str(queued.uuid)]
    assert Message.objects.get().attempts == 1


def test_sent_message_is_sent_again_as_a_copy(operator, sms_outbox):
    queued = message(dedupe_key="user:1")
    deliver()

    act(operator, "send_again", queued)
    deliver()

    assert [sent.body for sent in sms_outbox] == [queued.body] * 2
    assert sms_outbox[0].id != sms_outbox[1].id
    copy = Message.objects.exclude(pk=queued.pk).get()
    assert (copy.dedupe_key, copy.context) == (None, queued.context)


def test_queued_message_is_not_sent_twice(operator, sms_outbox):
    queued = message()

    page = act(operator, "send_again", queued)
    deliver()

    assert "0 messages will be sent again." in page
    assert len(sms_outbox) == 1


def test_queued_message_is_cancelled(operator, sms_outbox):
    queued = message()

    page = act(operator, "cancel", queued)
    deliver()

    assert "1 message cancelled." in page
    assert not sms_outbox
    assert Message.objects.get().status == "cancelled"


def test_sent_message_is_not_cancelled(operator, sms_outbox):
    queued = message()
    deliver()

    page = act(operator, "cancel", queued)

    assert "0 messages cancelled." in page
    assert Message.objects.get().status == "sent"


@pytest.mark.parametrize("filters", ["channel=sms", "status=sent", "template=welcome"])
def test_list_is_filtered(operator, sms_outbox, filters):
    message()
    deliver()
    name, _, _ = filters.partition("=")
    other = send_email("mei@example.com", "plain", {"name": "Mei"})

    found = operator.get(f"{reverse(LIST)}?{name}__exact={filters.partition('=')[2]}")

    assert other not in found.context["cl"].queryset
    assert found.context["cl"].queryset.count() == 1


def test_message_is_found_by_recipient_and_id(operator):
    queued = message()
    message(to="+8613900139000")

    for term in (PHONE, str(queued.uuid), queued.uuid.hex):
        found = operator.get(reverse(LIST), {"q": term}).context["cl"].queryset
        assert list(found) == [queued]


def test_messages_are_counted_by_day_and_status(operator, sms_outbox):
    for _ in range(3):
        message()
    Message.objects.update(created_at=F("created_at") - timedelta(days=1))
    message()
    deliver()
    message()

    statistics = operator.get(reverse(LIST)).context["statistics"]

    counts = {
        str(label): [count for count, query in cells]
        for label, cells in statistics["rows"]
    }
    assert statistics["days"][0] == timezone.localdate()
    assert counts["sent"] == [1, 3, 0, 0, 0, 0, 0]
    assert counts["queued"] == [1, 0, 0, 0, 0, 0, 0]


def test_each_count_leads_to_its_messages(operator, sms_outbox):
    message()
    Message.objects.update(created_at=F("created_at") - timedelta(days=1))
    yesterday = Message.objects.get()
    message()
    deliver()

    rows = dict(operator.get(reverse(LIST)).context["statistics"]["rows"])
    count, query = rows["sent"][1]
    page = operator.get(f"{reverse(LIST)}?{query}")

    assert count == 1
    assert list(page.context["cl"].queryset) == [yesterday]


def test_list_needs_as_many_queries_for_many_messages(
    operator, django_assert_max_num_queries
):
    for _ in range(30):
        message()

    with django_assert_max_num_queries(12):
        operator.get(reverse(LIST))

import pytest
from django.contrib import messages
from django.contrib.messages import constants

from core.web.flash import Storage
from tests.core.web.listening import listening


@pytest.fixture
def request_with_messages(rf):
    request = rf.get("/")
    request.session = {}
    request._messages = Storage(request)
    return request


def noted(name, message, category, **named):
    return message, category


def test_accepted_message_is_announced_with_its_category(request_with_messages):
    with listening("message_flashed", note=noted) as heard:
        messages.success(request_with_messages, "saved")
        messages.error(request_with_messages, "failed", extra_tags="wide")

    assert heard == [("saved", "success"), ("failed", "error")]


def test_what_is_not_kept_is_not_announced(request_with_messages):
    messages.set_level(request_with_messages, constants.WARNING)

    with listening("message_flashed", note=noted) as heard:
        messages.info(request_with_messages, "too low")
        messages.error(request_with_messages, "")

    assert heard == []

import logging

import pytest
from django.template import engines

pytestmark = pytest.mark.django_db

LOGGER = "accounts.receivers"


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

import json
import logging

import pytest
from django.http import HttpResponse
from django.test import override_settings
from django.urls import path

import config.urls
from core.web.logging import JsonFormatter
from core.web.request_id import RequestIdFilter, request_id

logger = logging.getLogger(__name__)


def logs(request):
    logger.info("seen %s", "砚")
    return HttpResponse()


def fails(request):
    raise LookupError("mei@a.example")


urlpatterns = [
    path("logs", logs),
    path("page/fails", fails),
    path("api/fails", fails),
    *config.urls.urlpatterns,
]
handler404 = "core.web.errors.page_not_found"
handler500 = "core.web.errors.server_error"

with_views = pytest.mark.urls(__name__)
behind_proxy = override_settings(REQUEST_ID_FROM_PROXY=True)


@pytest.fixture
def visitor(client):
    client.raise_request_exception = False
    return client


@pytest.fixture
def lines():
    """Collect log lines as the site's handler writes them."""
    written = []

    class Collector(logging.Handler):
        def emit(self, record):
            written.append(json.loads(self.format(record)))

    handler = Collector()
    handler.setFormatter(JsonFormatter())
    handler.addFilter(RequestIdFilter())
    logging.getLogger().addHandler(handler)
    logger.setLevel(logging.INFO)
    yield written
    logging.getLogger().removeHandler(handler)


def id_of(response):
    return response.headers["X-Request-ID"]


def test_each_response_has_an_id_of_its_own(client):
    ids = {id_of(client.get("/healthz")) for _ in range(3)}

    assert len(ids) == 3
    assert all(len(found) == 32 for found in ids)


def test_id_is_chosen_once_per_request(rf):
    meta = rf.get("/").META

    assert request_id(meta) == request_id(meta)


@behind_proxy
def test_id_of_the_proxy_is_taken_over(client):
    response = client.get("/healthz", headers={"x-request-id": "proxy-1.a_b"})

    assert id_of(response) == "proxy-1.a_b"


@pytest.mark.parametrize(
    "sent", ["short", "x" * 65, "a b c d e f", "<script>alert", "数" * 8]
)
@behind_proxy
def test_malformed_id_is_replaced(client, sent):
    response = client.get("/healthz", headers={"x-request-id": sent})

    assert len(id_of(response)) == 32
    assert id_of(response) != sent


def test_id_of_just_anybody_is_replaced(client):
    response = client.get("/healthz", headers={"x-request-id": "forged-id"})

    assert id_of(response) != "forged-id"


@with_views
def test_lines_of_a_request_name_it(client, lines):
    response = client.get("/logs")

    (line,) = [line for line in lines if line["message"] == "seen 砚"]
    assert line["request_id"] == id_of(response)


@pytest.mark.django_db
@with_views
def test_djangos_own_lines_name_the_request_and_nothing_personal(visitor, lines):
    responses = [
        visitor.get("/en/nothing?email=mei@a.example"),
        visitor.get("/page/fails?phone=13800138000"),
    ]

    # Django logs the first when its context is gone already.
    ours = [line for line in lines if line["logger"] == "django.request"]
    assert [line["request_id"] for line in ours] == [
        id_of(found) for found in responses
    ]
    assert [line["message"] for line in ours] == [
        "Not Found: /en/nothing",
        "Internal Server Error: /page/fails",
    ]
    assert "LookupError: [e-mail]" in ours[1]["exception"]
    assert "mei@" not in str(lines)
    assert "13800138000" not in str(lines)


@pytest.mark.django_db
@with_views
@pytest.mark.parametrize("address", ["/en/nothing", "/page/fails"])
def test_error_page_shows_the_id(visitor, address):
    response = visitor.get(address)

    assert f"<code>{id_of(response)}</code>" in response.content.decode()


@with_views
@pytest.mark.django_db
@pytest.mark.parametrize("address", ["/api/nothing", "/api/fails"])
def test_json_error_keeps_its_envelope_and_has_the_id_in_a_header(visitor, address):
    response = visitor.get(address)

    assert response.json().keys() == {"code", "msg", "result"}
    assert len(id_of(response)) == 32


@pytest.mark.django_db
def test_page_from_the_cache_has_an_id_of_its_own(client):
    first, second = client.get("/en/"), client.get("/en/")

    assert id_of(first) != id_of(second)

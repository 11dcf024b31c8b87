import pytest
from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.db import InterfaceError, OperationalError
from django.test import override_settings
from django.urls import path

import config.urls
from core.web.errors import is_unavailable


def raising(error):
    def view(request):
        raise error

    return view


ERRORS = {
    "400": SuspiciousOperation("secret detail"),
    "403": PermissionDenied("secret detail"),
    "500": RuntimeError("secret detail"),
    "503": OperationalError(2003, "Can't connect to MySQL server"),
}
urlpatterns = [
    *(path(f"page/{code}", raising(error)) for code, error in ERRORS.items()),
    *(path(f"api/{code}", raising(error)) for code, error in ERRORS.items()),
    *config.urls.urlpatterns,
]
handler400 = "core.web.errors.bad_request"
handler403 = "core.web.errors.permission_denied"
handler404 = "core.web.errors.page_not_found"
handler500 = "core.web.errors.server_error"

with_failing_views = pytest.mark.urls(__name__)


@pytest.fixture
def visitor(client):
    client.raise_request_exception = False
    return client


@pytest.mark.parametrize("code", ["400", "500", "503"])
@with_failing_views
def test_people_get_a_friendly_page(visitor, code):
    response = visitor.get(f"/page/{code}")

    assert response.status_code == int(code)
    assert response.headers["Content-Type"] == "text/html; charset=utf-8"
    assert "Inkstone" in response.content.decode()
    assert "secret detail" not in response.content.decode()


@pytest.mark.parametrize("code", ERRORS)
@with_failing_views
def test_programs_get_the_envelope(visitor, code):
    response = visitor.get(f"/api/{code}")

    assert response.status_code == int(code)
    assert response.json()["code"] == int(code)
    assert response.json()["result"] is None
    assert "secret detail" not in response.content.decode()


@with_failing_views
def test_accept_header_asks_for_json_too(visitor):
    response = visitor.get("/page/500", headers={"accept": "application/json"})

    assert response.json()["code"] == 500


@pytest.mark.parametrize("debug", [True, False])
@with_failing_views
def test_unreachable_database_is_503_with_a_time_to_retry(visitor, debug):
    with override_settings(DEBUG=debug):
        response = visitor.get("/page/503")

    assert response.status_code == 503
    assert response.headers["Retry-After"] == "10"


@pytest.mark.django_db
@pytest.mark.parametrize("address", ["/en/nothing", "/en/admin/nothing"])
def test_unknown_address_is_a_friendly_404(client, address):
    response = client.get(address)

    assert response.status_code in {302, 404}
    page = client.get("/en/nothing").content.decode()
    assert "404" in page
    assert "Inkstone" in page


@pytest.mark.django_db
def test_forged_host_is_a_friendly_400(client):
    response = client.get("/en/", headers={"host": "evil.example"})

    assert response.status_code == 400
    assert "evil.example" not in response.content.decode()


@pytest.mark.django_db
def test_expired_form_is_a_friendly_403():
    from django.test import Client

    response = Client(enforce_csrf_checks=True).post("/en/admin/login/", {})

    assert response.status_code == 403
    assert "expired" in response.content.decode()


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("address", "sentence"),
    [("/zh-hans/nothing", "这个地址没有内容"), ("/en/nothing", "nothing at this")],
)
def test_error_pages_speak_the_language_of_the_address(client, address, sentence):
    assert sentence in client.get(address).content.decode()


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (OperationalError(2003, "refused"), True),
        (OperationalError(2013, "lost"), True),
        (OperationalError(1040, "too many connections"), True),
        (InterfaceError(0, ""), True),
        (OperationalError("unable to open database file"), True),
        (OperationalError("no such table: x"), False),
        (OperationalError(1054, "unknown column"), False),
        (OperationalError(1213, "deadlock"), False),
        (OperationalError(), False),
        (RuntimeError("x"), False),
    ],
)
def test_tells_an_unreachable_database_from_a_wrong_statement(error, expected):
    assert is_unavailable(error) is expected

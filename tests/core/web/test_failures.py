import threading

import pytest
from django.contrib import admin
from django.db import DatabaseError, connection, transaction
from django.test import Client
from django.urls import path, reverse

import config.urls
from core.signals import request_tearing_down
from core.web import failures, receivers
from core.web.models import UnhandledError
from tests.factories import make_staff, make_tag

pytestmark = [pytest.mark.django_db, pytest.mark.urls(__name__)]


def fails(request, number=0):
    raise LookupError("mei@a.example")


def fails_elsewhere(request):
    raise LookupError


def fails_in_a_transaction(request):
    with transaction.atomic():
        make_tag(name="lost")
        raise LookupError


def fails_at_the_database(request):
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM nowhere")


def recurses(request):
    return recurses(request)


urlpatterns = [
    path("fails", fails),
    path("fails/<int:number>", fails),
    path("fails-elsewhere", fails_elsewhere),
    path("fails-in-a-transaction", fails_in_a_transaction),
    path("fails-at-the-database", fails_at_the_database),
    path("recurses", recurses),
    *config.urls.urlpatterns,
]
handler404 = "core.web.errors.page_not_found"
handler500 = "core.web.errors.server_error"


@pytest.fixture
def visitor(client):
    client.raise_request_exception = False
    return client


def test_unhandled_error_is_kept_for_the_administration(visitor):
    user = make_staff()
    visitor.force_login(user)

    response = visitor.get("/fails?q=secret")

    row = UnhandledError.objects.get()
    line = fails.__code__.co_firstlineno + 1
    assert row.exception == "LookupError"
    assert row.place == f"{__name__}:{line} in fails"
    assert row.frames.splitlines()[-1] == row.place
    assert "django.core.handlers" in row.frames
    assert row.times == 1
    assert row.first_seen == row.last_seen
    assert row.last_path == "/fails"
    assert row.last_request_id == response.headers["X-Request-ID"]
    assert row.last_user_id == str(user.pk)


def test_message_of_the_exception_is_not_kept(visitor):
    visitor.get("/fails")

    values = UnhandledError.objects.values().get()
    assert "mei@a.example" not in str(values)


def test_repeats_are_counted(visitor):
    for number in (1, 2, 3):
        visitor.get(f"/fails/{number}")

    row = UnhandledError.objects.get()
    assert row.times == 3
    assert row.last_path == "/fails/3"
    assert row.last_user_id == ""
    assert row.last_seen > row.first_seen


def test_another_place_is_another_row(visitor):
    visitor.get("/fails")
    visitor.get("/fails-elsewhere")

    assert UnhandledError.objects.count() == 2


def test_endless_recursion_is_one_row_of_few_frames(visitor):
    visitor.get("/recurses")
    visitor.get("/recurses")

    row = UnhandledError.objects.get()
    assert row.exception == "RecursionError"
    assert row.times == 2
    assert len(row.frames.splitlines()) == failures.MOST_FRAMES


@pytest.mark.parametrize("address", ["/en/nothing", "/en/admin/articles/tag/"])
def test_what_is_no_fault_is_not_kept(visitor, address):
    visitor.get(address)

    assert not UnhandledError.objects.exists()


def test_client_that_leaves_is_no_fault(rf):
    request_tearing_down.send_robust(None, request=rf.get("/"), exc=KeyboardInterrupt())

    assert not UnhandledError.objects.exists()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("name", ["fails-in-a-transaction", "fails-at-the-database"])
def test_row_outlives_the_transaction_that_failed(visitor, name, settings):
    settings.DATABASES["default"]["ATOMIC_REQUESTS"] = True
    try:
        response = visitor.get(f"/{name}")
    finally:
        settings.DATABASES["default"]["ATOMIC_REQUESTS"] = False

    assert response.status_code == 500
    assert UnhandledError.objects.get().last_path == f"/{name}"


def test_error_page_is_shown_though_nothing_can_be_kept(visitor, monkeypatch, caplog):
    def refuse(request, error):
        raise DatabaseError("read-only")

    monkeypatch.setattr(receivers, "record_failure", refuse)

    response = visitor.get("/fails")

    assert response.status_code == 500
    assert "Something went wrong" in response.content.decode()
    assert "core.web.receivers.record_exception failed" in caplog.text


def test_number_of_rows_is_bounded(visitor, monkeypatch):
    monkeypatch.setattr(failures, "MOST_ROWS", 2)

    for address in ("/fails", "/fails-elsewhere", "/fails", "/recurses"):
        visitor.get(address)

    kept = UnhandledError.objects.values_list("last_path", flat=True)
    assert set(kept) == {"/fails", "/recurses"}


def test_fault_that_another_request_records_in_this_moment_is_counted(
    visitor, monkeypatch
):
    visitor.get("/fails")
    row = UnhandledError.objects.get()
    row.delete()
    atomic, others = transaction.atomic, [row]

    def atomic_after_the_other(*args, **options):
        if others:
            others.pop().save(force_insert=True)
        return atomic(*args, **options)

    monkeypatch.setattr(failures.transaction, "atomic", atomic_after_the_other)

    visitor.get("/fails")

    assert UnhandledError.objects.get().times == 2


@pytest.mark.django_db(transaction=True)
def test_many_threads_with_the_same_new_fault_make_one_exact_row():
    together = threading.Barrier(8)

    def visit():
        visitor = Client(raise_request_exception=False)
        together.wait()
        for _ in range(5):
            visitor.get("/fails")
        connection.close()

    threads = [threading.Thread(target=visit) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert UnhandledError.objects.get().times == 40


def test_administration_shows_and_deletes_but_does_not_change(visitor):
    visitor.get("/fails")
    row = UnhandledError.objects.get()
    visitor.force_login(make_staff())
    pages = {
        page: reverse(f"admin:core_web_unhandlederror_{page}", args=args)
        for page, args in {
            "changelist": [],
            "add": [],
            "change": [row.pk],
            "delete": [row.pk],
        }.items()
    }

    assert "test_failures" in visitor.get(pages["changelist"]).content.decode()
    assert row.frames.splitlines()[-1] in visitor.get(pages["change"]).content.decode()
    assert visitor.get(pages["add"]).status_code == 403
    assert visitor.post(pages["change"], {"times": 7}).status_code == 403
    assert visitor.post(pages["delete"], {"post": "yes"}).status_code == 302
    assert UnhandledError in admin.site._registry
    assert not UnhandledError.objects.exists()

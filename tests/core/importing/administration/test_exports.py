"""What an export writes is what an import reads."""

import datetime
import html
import io

import openpyxl
import pytest
from django.contrib.auth.models import Permission
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from articles.models import Article, Banner, Tag
from core.importing.administration import exports
from core.importing.models import ImportRun
from tests.core.importing.administration.conftest import LIST, step_url
from tests.factories import (
    make_article,
    make_banner,
    make_category,
    make_staff,
    make_tag,
    make_user,
)

pytestmark = pytest.mark.django_db
NASTY = [
    "=1+1",
    "+49",
    "-1",
    "@SUM(A1)",
    "0012",
    "123456789012345678",
    "#N/A",
    "two\nlines and\ttab",
    "_x000D_",
    "<b>&amp;",
    "汉字",
    "'quoted",
]


@pytest.fixture
def admin_client(client):
    client.force_login(make_staff())
    return client


def export(client, model, rows=None, **others):
    url = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
    keys = [row.pk for row in rows or model.objects.all()]
    data = {"action": "export_selected", "_selected_action": keys, **others}
    return client.post(url, data)


def content_of(response):
    assert response["Content-Type"].endswith("spreadsheetml.sheet"), response
    return b"".join(response.streaming_content)


def sheet_of(response):
    return openpyxl.load_workbook(io.BytesIO(content_of(response))).active


def imported_again(client, content, model):
    file = SimpleUploadedFile("again.xlsx", content)
    label = model._meta.label
    client.post(reverse(f"{LIST}_upload"), {"table": label, "file": file})
    run = ImportRun.objects.first()
    name = openpyxl.load_workbook(io.BytesIO(content)).active.title
    choice = {"mode": "upsert", "sheet": name}
    return client.post(step_url("options", run), choice, follow=True)


def test_export_imported_again_changes_nothing(admin_client):
    tags = [make_tag(), make_tag()]
    for text in NASTY:
        make_article(title=text, body=text, summary=text, tags=tags)
    make_article(published_at=None, status="draft", slug="汉字")

    content = content_of(export(admin_client, Article))
    page = imported_again(admin_client, content, Article)

    preview = page.context["preview"].preview
    assert preview.problems == [] and preview.changes == []
    counts = preview.counts
    assert (counts.inserted, counts.updated, counts.unchanged) == (0, 0, len(NASTY) + 1)


@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_rows_without_a_name_are_found_again_by_their_number(
    admin_client, language, settings
):
    make_banner(link="https://example.com/", text="=x")
    make_banner(shown_from=datetime.datetime(2024, 1, 31, 9, 30, tzinfo=datetime.UTC))
    admin_client.cookies[settings.LANGUAGE_COOKIE_NAME] = language

    page = imported_again(
        admin_client, content_of(export(admin_client, Banner)), Banner
    )

    counts = page.context["preview"].preview.counts
    assert (counts.updated, counts.unchanged) == (0, 2)


def test_one_change_in_an_export_changes_one_row(admin_client):
    make_tag(name="One"), make_tag(name="Two")
    sheet = sheet_of(export(admin_client, Tag))
    sheet["A2"].value = "Changed"
    file = io.BytesIO()
    sheet.parent.save(file)

    page = imported_again(admin_client, file.getvalue(), Tag)

    counts = page.context["preview"].preview.counts
    assert (counts.inserted, counts.updated, counts.unchanged) == (0, 1, 1)


def test_export_has_typed_cells(admin_client):
    make_category(name="A", slug="a", position=7)
    moment = datetime.datetime(2024, 1, 31, 1, 30, tzinfo=datetime.UTC)
    make_article(published_at=moment, category=make_category(slug="news"))

    row = {cell.value: cell for cell in sheet_of(export(admin_client, Article))[1]}
    cells = sheet_of(export(admin_client, Article))[2]

    by_header = {name: cells[header.column - 1] for name, header in row.items()}
    assert by_header["published at"].is_date
    assert str(by_header["published at"].value) == "2024-01-31 09:30:00"
    assert by_header["category"].value == "news"
    assert by_header["status"].value == "published"


@pytest.mark.parametrize("text", NASTY)
def test_no_text_becomes_a_formula(admin_client, text):
    make_tag(name=text)

    cell = sheet_of(export(admin_client, Tag))["A2"]

    assert cell.data_type == "s"


def test_export_of_users_has_no_secrets_and_no_rights(admin_client):
    from accounts.models import User

    make_user(username="mei", password="correct horse")

    sheet = sheet_of(export(admin_client, User))

    headers = {cell.value for cell in sheet[1]}
    assert headers.isdisjoint({"password", "is_superuser", "superuser status"})
    values = {str(cell.value) for row in sheet for cell in row}
    assert not any("$" in value for value in values)


def test_export_has_only_fields_that_the_form_shows(admin_client, monkeypatch):
    from django.contrib import admin

    tag_admin = admin.site._registry[Tag]
    monkeypatch.setattr(tag_admin, "fields", ["slug"], raising=False)
    monkeypatch.setattr(tag_admin, "prepopulated_fields", {})
    make_tag()

    sheet = sheet_of(export(admin_client, Tag))

    assert [cell.value for cell in sheet[1]] == ["slug"]


def test_export_needs_the_permission_to_view(client):
    stranger = make_user(is_staff=True)
    stranger.user_permissions.add(Permission.objects.get(codename="view_article"))
    client.force_login(stranger)
    make_tag()

    assert export(client, Tag).status_code == 403


def test_all_rows_that_match_are_exported(admin_client, settings):
    for _number in range(120):
        make_tag()

    response = export(admin_client, Tag, Tag.objects.all()[:1], select_across="1")

    assert sheet_of(response).max_row == 121


def test_selection_keeps_the_order_of_the_list(admin_client):
    names = ["b", "a", "c"]
    for name in names:
        make_tag(name=name)

    sheet = sheet_of(export(admin_client, Tag))

    assert [cell.value for cell in sheet["A"][1:]] == ["a", "b", "c"]


def test_export_does_not_query_per_row(admin_client, django_assert_max_num_queries):
    for _number in range(30):
        make_article(tags=[make_tag()])

    with django_assert_max_num_queries(20):
        content_of(export(admin_client, Article))


def test_rows_are_read_in_batches(admin_client, monkeypatch):
    monkeypatch.setattr(exports, "ROWS_PER_QUERY", 2)
    tags = [make_tag(name=f"{number}") for number in range(5)]

    with CaptureQueriesContext(connection) as queries:
        sheet = sheet_of(export(admin_client, Tag))

    assert sheet.max_row == 6
    pairs = [f"IN ({a.pk}, {b.pk})" for a, b in (tags[:2], tags[2:4])]
    for pair in pairs:
        assert any(pair in query["sql"] for query in queries), pair


def test_text_that_no_cell_holds_is_refused_by_name(admin_client):
    make_article(title="Long one", body="x" * 32_768)

    response = export(admin_client, Article)
    page = admin_client.get(response.url).content.decode()

    assert (
        'Long one: the field "body" has 32768 characters; a cell has room for 32767'
        in html.unescape(page)
    )


def test_more_rows_than_a_sheet_holds_are_refused(admin_client, monkeypatch):
    monkeypatch.setattr(exports, "MAX_ROWS", 3)
    for _number in range(3):
        make_tag()

    response = export(admin_client, Tag)
    page = admin_client.get(response.url).content.decode()

    assert "3 rows are selected; a sheet has room for 2." in page

"""Who may do what, at every step."""

import pytest
from django.urls import reverse

from accounts.models import User
from articles.models import Tag
from core.importing.models import ImportRun
from tests.core.importing.administration.conftest import LIST, step_url
from tests.factories import make_staff, make_tag, make_user

pytestmark = pytest.mark.django_db
HEADERS = ["name", "slug"]
STEPS = ["options", "columns", "preview", "change", "rejects", "report"]
ADD, CHANGE, DELETE = "add_tag", "change_tag", "delete_tag"
MODES = ["insert", "insert-new", "update", "upsert", "replace"]


@pytest.mark.parametrize(
    ("rights", "allowed"),
    [
        ([ADD], {"insert", "insert-new"}),
        ([CHANGE], {"update"}),
        ([ADD, CHANGE], {"insert", "insert-new", "update", "upsert"}),
        ([ADD, DELETE], {"insert", "insert-new", "replace"}),
        ([ADD, CHANGE, DELETE], set(MODES)),
    ],
)
@pytest.mark.parametrize("mode", MODES)
def test_rights_on_the_model_decide_on_the_modes(
    steps, client, editor_with, rights, allowed, mode
):
    make_tag(slug="old")
    client.force_login(editor_with(*rights, "import_table"))
    row = ["New", "old" if mode == "update" else "new"]
    run = steps.upload(HEADERS, row)

    page = steps.choose(run, mode=mode)
    steps.post("confirm", run)

    is_written = Tag.objects.filter(name="New").exists()
    if mode in allowed:
        assert is_written
    else:
        assert "mode" in page.context["form"].errors
        # What was never chosen is an insert, which some of them may do.
        assert not is_written or "insert" in allowed


@pytest.mark.parametrize("rights", [[ADD, CHANGE, DELETE], ["import_table"], []])
def test_rights_on_the_model_and_on_imports_are_both_needed(
    steps, client, editor_with, rights
):
    client.force_login(editor_with("view_tag", *rights))

    assert steps.upload_bytes(b"name,slug\nA,a\n", "x.csv").status_code == 403
    page = client.get(reverse("admin:articles_tag_changelist")).content.decode()
    assert "importrun/upload/" not in page
    assert not ImportRun.objects.exists()


def test_table_without_rights_is_not_offered_and_not_taken(steps, client, editor_with):
    client.force_login(editor_with(ADD, "import_table"))

    page = steps.upload_bytes(b"name\nA\n", "x.csv", table="articles.Category")

    assert "articles.Category is not one of the available choices" in (
        page.content.decode()
    )


def test_rights_that_are_gone_stop_the_confirmation(steps, client, editor_with):
    editor = editor_with(ADD, CHANGE, "import_table")
    client.force_login(editor)
    run = steps.upload(HEADERS, ["A", "a"])
    steps.choose(run, mode="upsert")
    editor.user_permissions.set(editor.user_permissions.exclude(codename=CHANGE))

    page = steps.post("confirm", run)

    assert "You lack the permission for this import into articles_tag" in (
        page.content.decode()
    )
    run.refresh_from_db()
    assert (run.status, Tag.objects.count()) == ("uploaded", 0)


@pytest.mark.parametrize("step", STEPS)
def test_run_of_another_is_not_to_be_found(steps, client, editor_with, step):
    run = steps.upload(HEADERS, ["A", None])
    steps.choose(run)
    steps.post("confirm", run)
    client.force_login(editor_with(ADD, "import_table"))

    assert client.get(step_url(step, run)).status_code == 404
    page = client.get(reverse(f"{LIST}_changelist")).content.decode()
    assert run.file_name not in page


@pytest.mark.parametrize("step", ["confirm", "start", "cancel"])
def test_run_of_another_cannot_be_moved(steps, client, editor_with, step):
    run = steps.upload(HEADERS, ["A", "a"])
    steps.choose(run)
    client.force_login(editor_with(ADD, "import_table"))

    assert client.post(step_url(step, run)).status_code == 404
    run.refresh_from_db()
    assert run.status == "uploaded"


def test_superuser_sees_all_runs(steps, client, editor_with):
    client.force_login(editor_with(ADD, "import_table"))
    run = steps.upload(HEADERS, ["A", "a"])
    steps.choose(run)
    client.force_login(make_staff())

    assert client.get(step_url("preview", run)).status_code == 200


@pytest.mark.parametrize("step", [*STEPS, "upload"])
def test_visitor_is_sent_to_the_login(steps, client, step):
    run = steps.upload(HEADERS, ["A", "a"])
    client.force_login(make_user())
    url = reverse(f"{LIST}_upload") if step == "upload" else step_url(step, run)

    assert "/admin/login/" in client.get(url).url


def test_runs_are_neither_added_nor_edited_by_hand(steps, client):
    run = steps.upload(HEADERS, ["A", "a"])

    assert client.get(reverse(f"{LIST}_add")).status_code == 403
    client.post(step_url("change", run), {"status": "done"})
    run.refresh_from_db()
    assert run.status == "uploaded"


def test_template_needs_the_right_to_import(client, editor_with):
    url = reverse("admin:import_template", args=["articles.Tag"])
    client.force_login(editor_with("view_tag"))

    assert client.get(url).status_code == 404


def test_import_of_users_gives_no_rights(steps, client, editor_with):
    client.force_login(editor_with("add_user", "change_user", "import_table"))
    headers = ["username", "is_superuser"]
    run = steps.upload(headers, ["eve", True], table="accounts.User")

    steps.choose(run)
    page = steps.get("preview", run)

    assert "is closed to imports" in page.content.decode()
    steps.post("confirm", run)
    assert not User.objects.filter(username="eve").exists()

"""The way of an upload from the form to the table."""

import html
import json

import openpyxl
import pytest
from django.urls import reverse

from articles.models import Article, Tag
from core.importing.models import ImportRun
from tests.core.importing.administration.conftest import LIST, step_url
from tests.factories import make_article, make_staff, make_tag

pytestmark = pytest.mark.django_db
HEADERS = ["name", "slug"]


def text_of(response):
    return html.unescape(response.content.decode())


def test_upload_becomes_rows_after_its_confirmation(steps, folder):
    run = steps.upload(HEADERS, ["A", "a"], ["B", "b"], name="my tags.xlsx")
    page = steps.choose(run)

    assert page.redirect_chain == [(step_url("preview", run), 302)]
    assert "<strong>2</strong> rows are added" in text_of(page)
    assert not Tag.objects.exists()

    page = steps.post("confirm", run)

    assert page.redirect_chain == [(step_url("change", run), 302)]
    assert "articles.Tag: 2 rows imported from sheet Tags" in text_of(page)
    assert sorted(Tag.objects.values_list("slug", flat=True)) == ["a", "b"]
    run.refresh_from_db()
    assert (run.status, run.file_name, run.rows_inserted) == ("done", "my tags.xlsx", 2)
    assert not run.upload


def test_upload_waits_under_a_random_name_outside_of_media(steps, folder, settings):
    run = steps.upload(HEADERS, ["A", "a"], name="my tags.xlsx")

    (stored,) = folder.iterdir()
    assert len(stored.stem) == 32 and stored.suffix == ".xlsx"
    assert run.upload.path == str(stored)
    with pytest.raises(ValueError, match="not accessible via a URL"):
        assert run.upload.url


def test_unknown_headers_lead_to_the_columns_with_a_suggestion(steps):
    run = steps.upload(["naem", "slug", "remark"], ["A", "a", "?"])
    page = steps.choose(run)

    assert page.redirect_chain == [(step_url("columns", run), 302)]
    form = page.context["form"]
    assert [form[name].initial for name in form.fields][:3] == ["name", "slug", ""]
    assert "A · " not in text_of(page)

    page = steps.post(
        "columns", run, {"column_A": "name", "column_B": "slug", "column_C": ""}
    )

    assert page.redirect_chain == [(step_url("preview", run), 302)]
    run.refresh_from_db()
    assert run.request["mapping"] == {"naem": "name", "remark": ""}
    steps.post("confirm", run)
    assert Tag.objects.get().name == "A"


def test_column_that_means_a_field_can_be_left_out(steps, library):
    make_article(slug="x", summary="kept")
    run = steps.upload(["slug", "summary"], ["x", "new"], table="articles.Article")
    steps.choose(run, mode="update")

    steps.post("columns", run, {"column_A": "slug", "column_B": ""})

    page = steps.get("preview", run)
    assert "<strong>1</strong> stay as they are" in text_of(page)


def test_two_columns_for_one_field_are_refused(steps):
    run = steps.upload(["naem", "slug", "remark"], ["A", "a", "?"])
    steps.choose(run)

    page = steps.post(
        "columns", run, {"column_A": "name", "column_B": "slug", "column_C": "name"}
    )

    assert '"name" would be filled twice: naem, remark.' in text_of(page)


def test_value_for_all_rows_fills_a_required_field_without_column(steps, library):
    headers = ["title", "slug", "category", "body"]
    run = steps.upload(headers, ["T", "t", "News", "…"], table="articles.Article")
    page = steps.choose(run)

    assert "value_author" in page.context["form"].fields

    columns = dict(
        zip(["column_A", "column_B", "column_C", "column_D"], headers, strict=True)
    )
    steps.post("columns", run, {**columns, "value_author": "mei"})
    steps.post("confirm", run)

    assert Article.objects.get().author.username == "mei"


def test_preview_groups_what_is_wrong_and_offers_no_confirmation(steps):
    make_tag(slug="taken")
    rows = [[f"Tag {number}", None] for number in range(8)]
    run = steps.upload(HEADERS, *rows, ["X", "taken"])
    page = steps.choose(run)

    text = text_of(page)
    assert "Tags, cell B2 (slug): blank; expected a value." in text
    assert "and 3 more" in text
    assert '"taken" is already in the table' in text
    assert step_url("confirm", run) not in text

    steps.post("confirm", run)

    run.refresh_from_db()
    assert (run.status, Tag.objects.count()) == ("failed", 1)


def test_faulty_rows_are_left_out_if_asked_for_and_can_be_downloaded(steps):
    run = steps.upload(HEADERS, ["A", "a"], ["B", None])
    page = steps.choose(run, skip_faulty="on")
    assert "<strong>1</strong> rows are added" in text_of(page)

    steps.post("confirm", run)

    assert Tag.objects.get().slug == "a"
    response = steps.client.get(step_url("rejects", run))
    assert response["Content-Disposition"].startswith("attachment;")
    assert response["X-Content-Type-Options"] == "nosniff"
    file = openpyxl.load_workbook(_file(response))
    assert [cell.value for cell in file.active[2]][:2] == ["B", None]


def _file(response):
    import io

    return io.BytesIO(b"".join(response.streaming_content))


def test_report_is_a_download(steps):
    run = steps.whole_way(HEADERS, ["A", "a"])

    response = steps.client.get(step_url("report", run))

    assert response["Content-Disposition"].startswith("attachment;")
    assert json.load(_file(response))["inserted"] == 1


def test_failed_import_has_a_report_of_its_problems(steps):
    run = steps.whole_way(HEADERS, ["A", None])

    report = json.load(_file(steps.client.get(step_url("report", run))))

    assert run.status == "failed"
    assert report["problems"][0]["reason"] == "blank"


def test_preview_shows_what_changes(steps, library):
    article = make_article(slug="x", title="Old", category=None)
    run = steps.upload(
        ["slug", "title", "category"],
        ["x", "New", "News"],
        table="articles.Article",
    )

    page = steps.choose(run, mode="update")

    text = text_of(page)
    assert "<del>Old</del>" in text and "<ins>New</ins>" in text
    old, new = article.category.slug, "News"
    assert f"<del>{old}</del>" in text and f"<ins>{new}</ins>" in text


def test_preview_shows_moments_in_local_time(steps, library):
    make_article(slug="x", published_at="2024-01-31T01:30:00Z")
    run = steps.upload(
        ["slug", "published_at"],
        ["x", "2024-02-01 12:00"],
        table="articles.Article",
    )

    text = text_of(steps.choose(run, mode="update"))

    assert "<del>Jan. 31, 2024, 9:30 a.m.</del>" in text
    assert "<ins>Feb. 1, 2024, noon</ins>" in text


@pytest.mark.parametrize("cell", ['<script>alert("x")</script>', "'><img src=x>"])
def test_cells_and_headers_and_names_are_shown_as_text(steps, cell):
    make_tag(name="Old", slug="a")
    run = steps.upload(["name", "slug", cell], [cell, "a", cell], name=f"{cell}.xlsx")
    pages = [steps.choose(run, mode="upsert"), steps.get("options", run)]
    data = {"column_A": "name", "column_B": "slug", "column_C": ""}
    pages += [steps.post("columns", run, data), steps.post("confirm", run)]

    for page in pages:
        content = page.content.decode()
        assert cell not in content
    assert Tag.objects.get().name == cell


def test_large_import_waits_for_the_command(steps, settings):
    settings.IMPORTING_ROWS_AT_ONCE = 1
    run = steps.upload(HEADERS, ["A", "a"], ["B", "b"])
    page = steps.choose(run)
    assert "init_db --queued" in text_of(page)

    page = steps.post("confirm", run)

    run.refresh_from_db()
    assert (run.status, Tag.objects.count()) == ("queued", 0)
    assert '<meta http-equiv="refresh"' in text_of(page)
    steps.post("start", run)
    assert not Tag.objects.exists()


def test_waiting_import_can_be_cancelled_and_is_then_not_done(steps, settings):
    settings.IMPORTING_ROWS_AT_ONCE = 0
    run = steps.whole_way(HEADERS, ["A", "a"])
    assert run.status == "queued"

    page = steps.post("cancel", run)

    assert "<strong>Cancelled</strong>" in text_of(page)
    run.refresh_from_db()
    assert run.status == "cancelled"


def test_done_import_cannot_be_cancelled(steps):
    run = steps.whole_way(HEADERS, ["A", "a"])

    page = steps.post("cancel", run)

    assert f"Run {run.pk} has begun already" in text_of(page)


@pytest.mark.parametrize("step", ["confirm", "start", "cancel"])
def test_nothing_happens_by_a_link(steps, step):
    run = steps.upload(HEADERS, ["A", "a"])

    assert steps.client.get(step_url(step, run)).status_code == 405


def test_confirmation_needs_the_token_of_the_form(steps, client):
    run = steps.upload(HEADERS, ["A", "a"])
    client.handler.enforce_csrf_checks = True

    assert client.post(step_url("confirm", run)).status_code == 403
    assert not Tag.objects.exists()


def test_second_confirmation_imports_nothing_more(steps):
    run = steps.whole_way(HEADERS, ["A", "a"])

    page = steps.post("confirm", run)

    assert "was confirmed or cancelled already; it is done once." in text_of(page)
    assert Tag.objects.count() == 1


@pytest.mark.parametrize("step", ["options", "columns"])
def test_upload_whose_file_is_gone(steps, folder, step):
    run = steps.upload(HEADERS, ["A", "a"], name="my tags.xlsx")
    next(folder.iterdir()).unlink()

    page = steps.get(step, run)

    assert "there is no such file" in text_of(page)


def test_columns_are_kept_with_other_options_and_not_with_another_header(steps):
    run = steps.upload(["naem", "slug"], ["A", "a"])
    steps.choose(run)
    steps.post("columns", run, {"column_A": "name", "column_B": "slug"})

    steps.choose(run, mode="upsert")
    run.refresh_from_db()
    assert run.request["mapping"] == {"naem": "name"}

    steps.choose(run, header_row="2")
    run.refresh_from_db()
    assert run.request["mapping"] == {}


def test_what_was_not_seen_in_a_preview_is_not_imported(steps):
    run = steps.upload(HEADERS, ["A", "a"])
    steps.choose(run)
    data = {"mode": "replace", "sheet": "Tags"}
    steps.client.post(step_url("options", run), data)

    page = steps.post("confirm", run)

    assert f"Run {run.pk} was changed since its preview" in text_of(page)
    assert not Tag.objects.exists()
    steps.post("confirm", run)
    assert Tag.objects.count() == 1


def test_same_file_again_names_the_run_and_asks(steps):
    make_tag(name="A", slug="a")
    first = steps.whole_way(HEADERS, ["B", "a"], mode="upsert")
    again = steps.upload(HEADERS, ["B", "a"])
    # The same bytes: the workbook has the time of its making in it.
    ImportRun.objects.filter(pk=again.pk).update(sha256=first.sha256)

    page = steps.choose(again, mode="upsert")

    assert f"(run {first.pk}, " in text_of(page)
    steps.post("confirm", again)
    again.refresh_from_db()
    assert (again.status, first.status) == ("failed", "done")

    third = steps.upload(HEADERS, ["B", "a"])
    ImportRun.objects.filter(pk=third.pk).update(sha256=first.sha256)
    steps.choose(third, mode="upsert")
    steps.post("confirm", third, {"again": "1"})
    third.refresh_from_db()
    assert third.status == "done"


def test_confirmed_import_cannot_be_prepared_differently(steps):
    run = steps.whole_way(HEADERS, ["A", "a"])

    page = steps.choose(run, mode="replace")

    assert page.redirect_chain == [(step_url("change", run), 302)]
    run.refresh_from_db()
    assert run.mode == "insert"


def test_pages_have_nothing_inline(steps):
    run = steps.upload(["naem", "slug"], ["A", None])
    steps.choose(run)

    for name in ("options", "columns", "preview"):
        page = text_of(steps.get(name, run))
        main = page[page.index('id="content-main"') :]
        assert "<style" not in main and " style=" not in main and "<script" not in main


def test_deleted_run_takes_its_files_along(
    steps, folder, django_capture_on_commit_callbacks
):
    run = steps.whole_way(HEADERS, ["A", None])
    assert len(list(folder.iterdir())) == 3

    url = reverse(f"{LIST}_delete", args=[run.pk])
    with django_capture_on_commit_callbacks(execute=True):
        steps.client.post(url, {"post": "yes"})

    assert not ImportRun.objects.exists()
    assert list(folder.iterdir()) == []


def test_list_names_who_imported_what(steps):
    run = steps.whole_way(HEADERS, ["A", "a"])

    page = text_of(steps.client.get(reverse(f"{LIST}_changelist")))

    assert run.file_name in page and run.user.username in page
    assert f'href="{reverse(f"{LIST}_upload")}"' in page


def test_list_does_not_query_per_run(steps, django_assert_max_num_queries):
    for number in range(3):
        steps.whole_way(HEADERS, [f"A{number}", f"a{number}"])
        ImportRun.objects.update(user=make_staff())

    with django_assert_max_num_queries(8):
        steps.client.get(reverse(f"{LIST}_changelist"))


def test_template_has_the_headers_of_the_model(steps):
    response = steps.client.get(reverse("admin:import_template", args=["articles.Tag"]))

    sheet = openpyxl.load_workbook(_file(response)).worksheets[0]
    assert [cell.value for cell in sheet[1]] == ["name", "slug"]
    assert response["Content-Disposition"] == 'attachment; filename="tag.xlsx"'


def test_changelist_has_a_button_that_chooses_the_table(steps):
    page = text_of(steps.client.get(reverse("admin:articles_tag_changelist")))
    url = f"{reverse(f'{LIST}_upload')}?table=articles.Tag"

    assert f'href="{url}"' in page
    form = steps.client.get(url).context["form"]
    assert form["table"].value() == "articles.Tag"

"""Previews, and imports that are asked for now and done later."""

import io

import pytest
from django.core.files.base import ContentFile
from django.core.management import CommandError, call_command

from articles.models import Tag
from core.importing import (
    ImportFailed,
    ImportRequest,
    Mode,
    preview_import,
    queue_import,
    run_import,
)
from core.importing.management.commands import init_db
from core.importing.merging.changes import Counts
from core.importing.models import ImportRun
from core.importing.preview import Change, PreviewColumn
from tests.core.importing.workbooks import save_workbook
from tests.factories import make_tag, make_user

pytestmark = pytest.mark.django_db
HEADERS = ["name", "slug", "__note"]
TAGS = ImportRequest("articles.Tag")


@pytest.fixture(autouse=True)
def folder(settings, tmp_path):
    settings.IMPORTING_FOLDER = tmp_path / "imports"
    return settings.IMPORTING_FOLDER


@pytest.fixture
def queue(tmp_path):
    def queue_rows(*rows, request=TAGS, user=None):
        path = save_workbook(tmp_path, [HEADERS, *rows], sheet="Tags")
        return queue_import(
            ContentFile(path.read_bytes(), "my tags.xlsx"), request, user=user
        )

    return queue_rows


def run_command(*arguments):
    out, err = io.StringIO(), io.StringIO()
    call_command("init_db", *arguments, stdout=out, stderr=err)
    return out.getvalue(), err.getvalue()


def test_preview_shows_columns_rows_and_exact_counts(tmp_path):
    make_tag(name="Old", slug="old")
    rows = [["Newer", "old", "?"], ["New", "new", None]]
    path = save_workbook(tmp_path, [HEADERS, *rows])

    preview = preview_import(path, ImportRequest("articles.Tag", mode=Mode.UPSERT))

    assert preview.columns == [
        PreviewColumn("A", "name", "name"),
        PreviewColumn("B", "slug", "slug"),
    ]
    assert [[cell.text for cell in row.cells] for row in preview.rows] == [
        ["Newer", "old"],
        ["New", "new"],
    ]
    assert preview.counts == Counts(inserted=1, updated=1)
    assert preview.changes == [Change(2, {"name": ("Old", "Newer")})]
    assert Tag.objects.count() == 1


def test_preview_puts_problems_beside_their_rows(tmp_path):
    path = save_workbook(tmp_path, [HEADERS, ["A", "a"], ["B", None], ["C", "a"]])

    preview = preview_import(path, TAGS, name="my tags.xlsx")

    assert [[p.message for p in row.problems] for row in preview.rows] == [
        [],
        ["blank; expected a value."],
        ['"a" is already in cell B2 (slug).'],
    ]
    assert preview.counts is None and preview.rows_read == 3
    assert preview.sentences[-1] == "my tags.xlsx: 2 problems; nothing was written."


def test_preview_shows_the_first_fifty_rows(tmp_path):
    rows = [[f"Tag {number}", f"tag-{number}"] for number in range(70)]

    preview = preview_import(save_workbook(tmp_path, [HEADERS, *rows]), TAGS)

    assert len(preview.rows) == 50
    assert preview.counts == Counts(inserted=70)


def test_preview_of_something_unreadable_fails(tmp_path):
    with pytest.raises(ImportFailed, match="the sheet is empty"):
        preview_import(save_workbook(tmp_path, []), TAGS)


def test_queued_import_waits_and_is_then_done(queue, folder):
    user = make_user()

    run = queue(["A", "a"], user=user)

    assert (run.status, run.sheet, run.table) == ("queued", "Tags", "articles_tag")
    assert not Tag.objects.exists()

    report = run_import(run)

    stored = ImportRun.objects.get()
    assert (stored.status, stored.user, stored.rows_inserted) == ("done", user, 1)
    assert report.rows == Tag.objects.count() == 1
    assert [kept.suffix for kept in folder.iterdir()] == [".json"]


def test_uploads_are_kept_under_names_that_nobody_can_guess(queue, folder):
    run = queue(["A", "a"])

    (stored,) = folder.iterdir()
    assert run.file_name == "my tags.xlsx"
    assert len(stored.stem) == 32 and stored.suffix == ".xlsx"
    assert (folder.stat().st_mode & 0o777, stored.stat().st_mode & 0o777) == (
        0o700,
        0o600,
    )


def test_refused_upload_is_not_kept(tmp_path, folder):
    with pytest.raises(ImportFailed, match=r"^x\.xlsx: "):
        queue_import(ContentFile(b"\x00\x01\x02", "x.xlsx"), TAGS, user=None)

    assert not any(folder.iterdir())
    assert not ImportRun.objects.exists()


def test_failed_run_keeps_its_file_and_rejects(queue, folder):
    run = queue(["A", "a"], ["B", None])

    with pytest.raises(ImportFailed, match="blank"):
        run_import(run)

    stored = ImportRun.objects.get()
    assert stored.status == "failed"
    assert stored.message == "my tags.xlsx: 1 problem; nothing was written."
    assert stored.upload and stored.rejects
    assert stored.rejects.path != stored.upload.path


def test_run_is_done_once(queue):
    run = queue(["A", "a"])
    again = ImportRun.objects.get()
    run_import(run)

    with pytest.raises(ImportFailed):
        run_import(again)

    assert ImportRun.objects.get().status == "done"


def test_command_does_one_run(queue):
    run = queue(["A", "a"])

    out, _err = run_command("--run", str(run.pk))

    assert out == "articles.Tag: 1 row imported from sheet Tags\n"


def test_command_knows_no_such_run():
    with pytest.raises(CommandError, match="There is no run 77"):
        run_command("--run", "77")


def test_command_does_all_that_wait(queue):
    first = queue(["A", "a"])
    bad = queue(["B", None])
    last = queue(["C", "c"])

    with pytest.raises(CommandError, match="1 queued import failed"):
        run_command("--queued")

    found = dict(ImportRun.objects.values_list("pk", "status"))
    assert found == {first.pk: "done", bad.pk: "failed", last.pk: "done"}
    assert Tag.objects.count() == 2


def test_command_leaves_what_another_process_did_meanwhile(queue, monkeypatch):
    run = queue(["A", "a"])

    def run_import_too_late(run, **options):
        run_import(ImportRun.objects.get(pk=run.pk))
        return run_import(run, **options)

    monkeypatch.setattr(init_db, "run_import", run_import_too_late)

    out, err = run_command("--queued")

    assert (out, err) == (f"Run {run.pk} is done; expected a queued one.\n", "")


def test_command_with_an_empty_queue(queue):
    assert run_command("--queued") == ("", "")

"""What the ledger says of imports."""

import hashlib

import pytest
from django.db import connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.utils import OperationalError

from articles.models import Tag
from core.importing import ImportFailed, Mode, import_workbook
from core.importing.merging.merge import Merge
from core.importing.models import ImportRun
from tests.core.importing.workbooks import save_workbook
from tests.factories import make_user

pytestmark = pytest.mark.django_db
HEADERS = ["name", "slug"]


@pytest.fixture
def tags(tmp_path):
    return save_workbook(tmp_path, [HEADERS, ["A", "a"], [], ["B", "b"]], sheet="Tags")


def test_keeps_who_did_what_and_what_came_of_it(tags):
    user = make_user()

    import_workbook(tags, "articles.Tag", user=user)

    run = ImportRun.objects.get()
    assert (run.status, run.user, run.file_name) == ("done", user, "articles.xlsx")
    assert run.sha256 == hashlib.sha256(tags.read_bytes()).hexdigest()
    assert run.file_size == tags.stat().st_size
    assert (run.table, run.sheet, run.mode) == ("articles_tag", "Tags", "insert")
    assert (run.rows_read, run.rows_inserted, run.rows_blank) == (2, 2, 1)
    assert run.started_at <= run.finished_at
    assert run.message == (
        "articles.Tag: 2 rows imported from sheet Tags (1 blank row skipped)"
    )


def test_same_file_is_not_imported_twice(tags):
    import_workbook(tags, "articles.Tag")
    Tag.objects.all().delete()

    with pytest.raises(ImportFailed) as failure:
        import_workbook(tags, "articles.Tag")

    run = ImportRun.objects.get()
    assert (
        f"articles.xlsx, sheet Tags was imported into articles_tag already (run {run.pk}, "
        in str(failure.value)
    )
    assert str(failure.value).endswith("); use --force to import it again.")
    assert not Tag.objects.exists()


def test_same_file_is_imported_again_by_force(tags):
    import_workbook(tags, "articles.Tag")
    Tag.objects.all().delete()

    import_workbook(tags, "articles.Tag", force=True)

    assert Tag.objects.count() == 2


def test_same_file_may_be_imported_in_another_mode(tags):
    import_workbook(tags, "articles.Tag")

    assert import_workbook(tags, "articles.Tag", mode=Mode.UPSERT).counts.unchanged == 2


def test_file_of_which_some_rows_were_tried_is_imported_as_a_whole(tags):
    import_workbook(tags, "articles.Tag", stop_after=1)

    report = import_workbook(tags, "articles.Tag", mode=Mode.INSERT_NEW)
    assert report.counts.inserted == 1
    Tag.objects.all().delete()
    assert import_workbook(tags, "articles.Tag").counts.inserted == 2


def test_same_file_may_be_tried_again_after_a_failure(tmp_path):
    path = save_workbook(tmp_path, [HEADERS, ["A", "taken"]])
    taken = Tag.objects.create(name="Taken", slug="taken")
    with pytest.raises(ImportFailed):
        import_workbook(path, "articles.Tag")
    taken.delete()

    assert import_workbook(path, "articles.Tag").rows == 1


def test_failure_is_written_without_values_of_the_file(tmp_path):
    path = save_workbook(tmp_path, [HEADERS, ["secret" * 20, "a"]])

    with pytest.raises(ImportFailed):
        import_workbook(path, "articles.Tag")

    run = ImportRun.objects.get()
    assert (run.status, run.rows_inserted, run.rows_rejected) == ("failed", 0, 1)
    assert run.message == "articles.xlsx: 1 problem; nothing was written."


def test_dry_run_leaves_no_trace(tags):
    import_workbook(tags, "articles.Tag", dry_run=True)

    assert not ImportRun.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_import_in_a_transaction_is_undone_with_it(tags):
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        import_workbook(tags, "articles.Tag")
        raise ZeroDivisionError

    assert not ImportRun.objects.exists()
    assert not Tag.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_ledger_and_data_are_written_in_one_transaction(tags, monkeypatch):
    """Whoever sees the rows sees the run done, and the other way round."""
    seen = []
    commit = BaseDatabaseWrapper._commit
    reader = connections.create_connection("default")

    def look_and_commit(self):
        with reader.cursor() as cursor:
            cursor.execute("SELECT COUNT(*) FROM articles_tag")
            (rows,) = cursor.fetchone()
            cursor.execute("SELECT status FROM core_importing_importrun")
            seen.append((rows, cursor.fetchall()[0][0]))
        commit(self)

    with monkeypatch.context() as patch:
        run = Merge.run

        def run_and_watch(self, *args):
            patch.setattr(BaseDatabaseWrapper, "_commit", look_and_commit)
            run(self, *args)

        patch.setattr(Merge, "run", run_and_watch)
        import_workbook(tags, "articles.Tag")
    reader.close()

    assert seen[0] == (0, "running")
    assert (Tag.objects.count(), ImportRun.objects.get().status) == (2, "done")


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(
    "connections['default'].vendor == 'sqlite'", reason="needs a server"
)
def test_commit_whose_answer_is_lost_is_found_in_the_ledger(tags, monkeypatch):
    commit, run = BaseDatabaseWrapper._commit, Merge.run

    def lose_the_answer(self):
        monkeypatch.setattr(BaseDatabaseWrapper, "_commit", commit)
        commit(self)
        self.connection._force_close()
        raise OperationalError(2013, "Lost connection to server during query")

    def run_and_break(self, *args):
        run(self, *args)
        monkeypatch.setattr(BaseDatabaseWrapper, "_commit", lose_the_answer)

    monkeypatch.setattr(Merge, "run", run_and_break)

    report = import_workbook(tags, "articles.Tag")

    assert report.counts.inserted == Tag.objects.count() == 2
    assert ImportRun.objects.get().status == "done"


def test_database_without_the_ledger(tags, monkeypatch):
    monkeypatch.setattr(ImportRun._meta, "db_table", "core_importing_missing")

    with pytest.raises(ImportFailed) as failure:
        import_workbook(tags, "articles.Tag")

    assert str(failure.value) == (
        'The database "default" has no table core_importing_missing; '
        'run "manage.py migrate" first.'
    )

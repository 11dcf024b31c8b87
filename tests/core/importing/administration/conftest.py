import pytest
from django.contrib.auth.models import Permission
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from core.importing.models import ImportRun
from tests.core.importing.workbooks import save_workbook
from tests.factories import make_staff, make_user

LIST = "admin:core_importing_importrun"


def step_url(step, run):
    return reverse(f"{LIST}_{step}", args=[run.pk])


@pytest.fixture(autouse=True)
def folder(settings, tmp_path):
    settings.IMPORTING_FOLDER = tmp_path / "imports"
    return settings.IMPORTING_FOLDER


@pytest.fixture
def editor_with():
    """Make an editor with rights: ``editor_with("add_tag", "import_table")``."""

    def make(*codenames, **overrides):
        editor = make_user(is_staff=True, **overrides)
        rights = Permission.objects.filter(codename__in=codenames)
        assert rights.count() == len(codenames)
        editor.user_permissions.set(rights)
        return editor

    return make


@pytest.fixture
def steps(client, tmp_path):
    """Go the way of an import as its user's browser does."""
    client.force_login(make_staff())
    return Steps(client, tmp_path)


class Steps:
    def __init__(self, client, tmp_path):
        self.client = client
        self._folder = tmp_path

    def upload_bytes(self, content, name="tags.xlsx", *, table="articles.Tag"):
        file = SimpleUploadedFile(name, content)
        return self.client.post(
            reverse(f"{LIST}_upload"), {"table": table, "file": file}, follow=True
        )

    def upload(self, *rows, name="tags.xlsx", table="articles.Tag", sheet="Tags"):
        path = save_workbook(self._folder, rows, name="made.xlsx", sheet=sheet)
        response = self.upload_bytes(path.read_bytes(), name, table=table)
        run = ImportRun.objects.first()
        assert run is not None, response.content.decode()
        return run

    def choose(self, run, *, mode="insert", sheet="Tags", **others):
        data = {"mode": mode, "sheet": sheet, **others}
        return self.client.post(step_url("options", run), data, follow=True)

    def get(self, step, run):
        return self.client.get(step_url(step, run), follow=True)

    def post(self, step, run, data=None):
        return self.client.post(step_url(step, run), data or {}, follow=True)

    def whole_way(self, *rows, **choices):
        run = self.upload(*rows)
        self.choose(run, **choices)
        self.post("confirm", run)
        run.refresh_from_db()
        return run

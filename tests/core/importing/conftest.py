import pytest
from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo

from core.signals import table_imported
from tests.core.importing.workbooks import HEADERS, article_row, save_workbook
from tests.factories import make_category, make_tag, make_user


@pytest.fixture
def library(db):
    """The rows that articles refer to."""
    make_user(username="mei")
    make_category(name="Sports", slug="Sport")
    make_category(name="News", slug="News")
    make_tag(name="Python", slug="python")
    make_tag(name="数据库", slug="数据库")


@pytest.fixture
def articles(tmp_path):
    """Give a function that saves articles with extra columns, one dict per row."""

    def save(*rows, extra=(), headers=HEADERS, **options):
        lines = [
            [*article_row(number, **_known(row)), *(row.get(name) for name in extra)]
            for number, row in enumerate(rows, start=1)
        ]
        return save_workbook(tmp_path, [[*headers, *extra], *lines], **options)

    return save


def _known(row):
    return {name: value for name, value in row.items() if name in HEADERS}


@pytest.fixture
def announcements():
    """Collect what ``table_imported`` says."""
    received = []

    def receive(**arguments):
        del arguments["signal"]
        received.append(arguments)

    table_imported.connect(receive)
    yield received
    table_imported.disconnect(receive)


@pytest.fixture
def chinese(tmp_path, settings):
    """Give a function that installs a Chinese catalogue made of its arguments."""

    def install(messages=(), **names):
        """Take whole sentences in a dict, names of fields as keywords."""
        names = {english.replace("_", " "): text for english, text in names.items()}
        folder = tmp_path / "locale" / "zh_Hans" / "LC_MESSAGES"
        folder.mkdir(parents=True)
        catalogue = Catalog(locale="zh_Hans_CN")
        for english, text in (dict(messages) | names).items():
            catalogue.add(english, text)
        with (folder / "django.mo").open("wb") as file:
            write_mo(file, catalogue)
        settings.LOCALE_PATHS = [tmp_path / "locale"]

    return install

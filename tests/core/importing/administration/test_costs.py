"""What imports cost those who do not import, and what a row costs."""

import subprocess
import sys

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.core.importing.administration.conftest import step_url
from tests.factories import make_article, make_category, make_user

START = """
import sys
import django
django.setup()
import config.urls
from core.importing.admin import ImportRunAdmin
print("openpyxl" in sys.modules)
"""


def test_site_starts_without_the_reader_and_openpyxl(settings):
    done = subprocess.run(
        [sys.executable, "-c", START],
        cwd=settings.BASE_DIR,
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout == "False\n"


@pytest.mark.django_db
@pytest.mark.parametrize("mode", ["insert", "upsert"])
def test_pages_query_as_often_for_many_rows_as_for_few(steps, mode):
    author, category = make_user(username="mei"), make_category(slug="news")
    headers = ["title", "slug", "author", "category", "body"]
    counts = []
    for size in (2, 200):
        for number in range(size if mode == "upsert" else 0):
            make_article(slug=f"s{size}-{number}", author=author, category=category)
        rows = [[f"T{n}", f"s{size}-{n}", "mei", "news", "…"] for n in range(size)]
        run = steps.upload(headers, *rows, table="articles.Article")
        steps.choose(run, mode=mode)
        with CaptureQueriesContext(connection) as queries:
            steps.client.get(step_url("preview", run))
            steps.client.post(step_url("confirm", run))
        run.refresh_from_db()
        assert run.status == "done"
        counts.append(len(queries))

    few, many = counts
    # Statements hold a few hundred rows each.
    assert many <= few + 4

"""What is shown in a cache after an import: never what was there before."""

import pytest
from django.db import connections
from django.test import Client

from articles.models import Banner
from core.caching import get_or_build
from core.caching.stores import current_store
from core.importing import Mode, import_workbook
from core.signals import table_imported
from tests.core.importing.workbooks import save_workbook
from tests.factories import make_article, make_banner, make_tag
from tests.waiting import wait_until

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def fresh_store(settings):
    settings.COHERENT_CACHE = {"HOLD": 0.05}
    yield
    current_store.cache_clear()


@pytest.fixture(autouse=True)
def nobody_is_told(monkeypatch):
    """Without the signal, only what the cache notices by itself counts."""
    monkeypatch.setattr(table_imported, "receivers", [])
    table_imported.sender_receivers_cache.clear()
    yield
    table_imported.sender_receivers_cache.clear()


def titles():
    return get_or_build(
        "titles",
        lambda: sorted(Banner.objects.values_list("title", flat=True)),
        tags=["articles.banner"],
    )


def banners(tmp_path, *rows, **choices):
    path = save_workbook(tmp_path, [["id", "title"], *rows])
    import_workbook(path, "articles.Banner", **choices)


def is_cached():
    return current_store().find("titles", ["*", "articles.banner"]) is not None


def test_added_rows_are_seen(tmp_path):
    make_banner(title="old")
    assert titles() == ["old"]

    banners(tmp_path, [None, "new"])

    assert titles() == ["new", "old"]


def test_changed_rows_are_seen(tmp_path):
    banner = make_banner(title="old")
    assert titles() == ["old"]

    banners(tmp_path, [banner.pk, "new"], mode=Mode.UPDATE)

    assert titles() == ["new"]


def test_replaced_rows_are_seen(tmp_path):
    make_banner(title="old")
    assert titles() == ["old"]

    banners(tmp_path, [None, "new"], mode=Mode.REPLACE)

    assert titles() == ["new"]


def test_changed_tags_of_articles_are_seen(tmp_path):
    make_article(slug="kept")
    make_tag(name="Fresh", slug="fresh")
    page = "/en/articles/kept/"
    assert "Fresh" not in Client().get(page).content.decode()
    path = save_workbook(tmp_path, [["slug", "tags"], ["kept", "fresh"]])

    import_workbook(path, "articles.Article", mode=Mode.UPDATE)

    assert "Fresh" in Client().get(page).content.decode()


def test_import_that_changes_nothing_voids_nothing(tmp_path):
    banner = make_banner(title="same")
    wait_until(lambda: (titles(), is_cached())[1], what="cached")

    banners(tmp_path, [banner.pk, "same"], mode=Mode.UPSERT)

    assert is_cached()


def test_dry_run_voids_nothing(tmp_path):
    make_banner(title="old")
    wait_until(lambda: (titles(), is_cached())[1], what="cached")

    banners(tmp_path, [None, "new"], dry_run=True)

    assert is_cached()


def test_thread_keeps_its_usual_connection(tmp_path):
    usual = connections["default"]

    banners(tmp_path, [None, "new"])

    assert connections["default"] is usual

import os
import re
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from unittest.mock import patch

import pytest
from django.core.cache import caches
from django.db import connection

from articles.models import Article
from config import env
from tests.factories import make_article

ROOT = Path(__file__).resolve().parent.parent


def run_pytest(*arguments, **variables):
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *arguments],
        env=os.environ | variables,
        cwd=ROOT,
        capture_output=True,
        text=True,
    )


def test_uses_the_database_of_the_stack(stack):
    assert connection.vendor == {"embedded": "sqlite", "real": "mysql"}[stack]


def test_uses_the_cache_of_the_stack(stack):
    backend = type(caches["default"]).__name__

    assert backend == {"embedded": "LocMemCache", "real": "RedisCache"}[stack]


@pytest.mark.django_db
def test_stores_every_character():
    written = make_article(title="砚台 🪨")

    assert Article.objects.get(pk=written.pk).title == "砚台 🪨"


@pytest.mark.django_db
def test_truncates_dates_in_the_time_zone_of_the_site():
    make_article(published_at=datetime(2024, 12, 31, 23, 0, tzinfo=UTC))

    days = Article.objects.datetimes("published_at", "day")

    assert [day.date().isoformat() for day in days] == ["2025-01-01"]


@pytest.mark.django_db(transaction=True)
def test_processes_started_by_a_test_find_its_rows():
    article = make_article()
    script = "from articles.models import Article; print(Article.objects.get().pk)"

    done = subprocess.run(
        [sys.executable, "manage.py", "shell", "--no-imports", "-c", script],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )

    assert done.stdout.strip() == str(article.pk), done.stderr


def test_settings_ignore_the_env_file(tmp_path):
    source = (ROOT / "config/settings.py").read_text()
    names = [*re.findall(r'env\.\w+\(\s*"([A-Z_]+)"', source), "SECRET_KEY_FILE"]
    file = tmp_path / ".env"
    file.write_text("".join(f"{name}=leaked\n" for name in names))

    with patch.dict(os.environ):
        env.load_file(file)

        assert {name for name in names if os.environ[name] == "leaked"} == set()


def test_settings_ignore_the_environment():
    leaks = {
        "DATABASE_URL": "mysql://root@production/site",
        "REDIS_URL": "redis://production:6379/0",
        "DJANGO_SETTINGS_MODULE": "config.settings",
    }

    done = run_pytest("--stack=embedded", "tests/test_stacks.py", "-k=uses", **leaks)

    assert done.returncode == 0, done.stdout
    assert "2 passed" in done.stdout
    assert "settings: tests.settings" in done.stdout


@pytest.mark.parametrize("variable", ["MARIADBD", "REDIS_SERVER"])
def test_fails_without_a_server_of_the_real_stack(variable):
    done = run_pytest("--stack=real", "--collect-only", **{variable: "/nowhere"})

    assert done.returncode != 0
    assert f"{variable}='/nowhere': expected the path of a program." in done.stderr

"""Which table is meant, and what of it may be filled."""

import pytest
from django.apps import apps
from django.contrib.auth import get_user_model
from django.core.exceptions import ImproperlyConfigured
from django.db import models
from django.test.utils import isolate_apps

from accounts.models import Department
from articles.models import Article, Banner, Category, Tag
from core.importing import ImportFailed
from core.importing.options import ImportOptions
from core.importing.targets.fields import is_open, natural_key
from core.importing.targets.target import find_target


@pytest.mark.parametrize(
    "name",
    ["articles_article", "ARTICLES_Article", "articles.Article", "articles.article"],
)
def test_table_by_name_or_label_in_any_case(db, name):
    assert find_target(name, "default").model is Article


@pytest.mark.parametrize(
    ("name", "suggestion"),
    [("articles_artikle", "articles_article"), ("articles.Tags", "articles.Tag")],
)
def test_unknown_table_gets_a_suggestion(db, name, suggestion):
    with pytest.raises(ImportFailed) as failure:
        find_target(name, "default")

    assert str(failure.value) == (
        f'There is no table "{name}"; did you mean "{suggestion}"?'
    )


def test_unknown_table_without_resemblance(db):
    with pytest.raises(ImportFailed) as failure:
        find_target("zzz", "default")

    assert str(failure.value) == (
        'There is no table "zzz"; expected a table such as articles_article '
        "or a model such as articles.Article."
    )


@pytest.mark.parametrize(
    "table",
    [
        "django_session",
        "core_sessions_session",
        "django_content_type",
        "django_admin_log",
        "auth_permission",
        "auth.Permission",
        "auth_group",
        "core_caching_stamp",
        "core_importing_importrun",
    ],
)
def test_tables_of_the_framework_are_closed(table):
    with pytest.raises(ImportFailed, match="belongs to the framework"):
        find_target(table, "default")


def test_closed_table_is_named_with_its_setting():
    with pytest.raises(ImportFailed) as failure:
        find_target("sessions.Session", "default")

    assert str(failure.value) == (
        "The table django_session belongs to the framework and is closed to imports; "
        "add it to IMPORTING_ALLOWED_TABLES if it must be filled."
    )


def test_tables_that_join_two_others_are_no_targets(db):
    with pytest.raises(ImportFailed) as failure:
        find_target("accounts_user_user_permissions", "default")

    assert str(failure.value) == (
        "accounts_user_user_permissions joins two other tables; import accounts.User "
        'with a column "user_permissions" instead.'
    )


def test_setting_opens_a_closed_table(db, settings):
    settings.IMPORTING_ALLOWED_TABLES = ["auth_permission"]

    assert find_target("auth.Permission", "default").table == "auth_permission"


def test_table_that_was_never_migrated(db, monkeypatch):
    monkeypatch.setattr(Tag._meta, "db_table", "articles_label")

    with pytest.raises(ImportFailed) as failure:
        find_target("articles.Tag", "default")

    assert str(failure.value) == (
        'The database "default" has no table articles_label; '
        'run "manage.py migrate" first.'
    )


@isolate_apps("articles")
def test_models_spread_over_tables_are_refused(db, monkeypatch):
    class Review(Article):
        class Meta:
            app_label = "articles"

    monkeypatch.setattr(apps, "get_models", lambda: [Review])

    with pytest.raises(ImportFailed) as failure:
        find_target("articles.Review", "default")

    assert str(failure.value) == (
        "articles.Review is spread over several tables (it inherits from another "
        "model with a table), which imports do not support."
    )


def test_fields_that_the_site_fills_are_closed(db):
    target = find_target("articles.Article", "default")

    closed = [field.name for field in target.closed_fields]
    assert closed == ["body_html", "created_at", "updated_at"]


def test_files_are_closed(db):
    target = find_target("articles.Banner", "default")

    assert [field.name for field in target.closed_fields] == ["image"]


@pytest.mark.parametrize(
    ("table", "names"),
    [
        ("articles.Article", ["title", "slug", "author", "category", "body"]),
        ("articles.Category", ["name", "slug"]),
        ("articles.Banner", ["title"]),
        ("accounts.User", ["username"]),
    ],
)
def test_fields_without_default_are_required(db, table, names):
    target = find_target(table, "default")

    assert [field.name for field in target.required_fields()] == names


@isolate_apps("articles")
def test_relations_with_rows_of_their_own_are_closed():
    class Person(models.Model):
        friends = models.ManyToManyField("self")
        teachers = models.ManyToManyField("self", symmetrical=False)
        tags = models.ManyToManyField(Tag, through="Interest")

        class Meta:
            app_label = "articles"

        def __str__(self):
            return str(self.pk)

    class Interest(models.Model):
        person = models.ForeignKey(Person, models.CASCADE)
        tag = models.ForeignKey(Tag, models.CASCADE)

        class Meta:
            app_label = "articles"

        def __str__(self):
            return str(self.pk)

    fields = Person._meta.many_to_many
    assert {field.name: is_open(field, ImportOptions()) for field in fields} == {
        "friends": False,
        "teachers": True,
        "tags": False,
    }


@pytest.mark.parametrize(
    ("model", "name"),
    [
        (get_user_model(), "username"),
        (Category, "slug"),
        (Tag, "slug"),
        (Department, "name"),
        (Article, "slug"),
        (Banner, "id"),
    ],
)
def test_natural_keys(model, name):
    assert natural_key(model).name == name


@isolate_apps("articles")
def test_natural_key_by_constraint():
    class Shelf(models.Model):
        code = models.CharField(max_length=10)
        place = models.CharField(max_length=10)

        class Meta:
            app_label = "articles"
            constraints = [models.UniqueConstraint(fields=["code"], name="code")]

        def __str__(self):
            return self.code

    assert natural_key(Shelf).name == "code"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"excluded": {"name"}}, "Tag.Importing has excluded: expected only exclude"),
        ({"exclude": {"colour"}}, "Tag.Importing names 'colour': expected a field"),
        ({"values": {"colour": str}}, "Tag.Importing names 'colour': expected a field"),
    ],
)
def test_wrong_options_are_a_developers_error(monkeypatch, options, message):
    monkeypatch.setattr(Tag, "Importing", type("Importing", (), options), raising=False)

    with pytest.raises(ImproperlyConfigured, match=message):
        ImportOptions.of(Tag)

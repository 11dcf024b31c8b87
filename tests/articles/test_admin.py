from uuid import uuid4

import pytest
from django.contrib import admin
from django.urls import reverse

from accounts.models import Order, Payment
from articles.models import Article, DailyVisits
from tests.factories import (
    make_article,
    make_banner,
    make_category,
    make_order,
    make_staff,
    make_tag,
    make_user,
)

pytestmark = pytest.mark.django_db

MODELS = [
    model
    for model in admin.site._registry
    if model._meta.app_label in {"articles", "accounts"} and model is not DailyVisits
]
WRITTEN_BY_THE_SITE = {Order, Payment}


@pytest.fixture
def editor(client):
    client.force_login(make_staff())
    return client


def some_rows():
    for _ in range(3):
        make_article(tags=[make_tag(), make_tag()])
        make_banner()
        make_order().payments.create(reference=uuid4(), amount_fen=1, outcome="applied")


def url_of(model, page, *args):
    meta = model._meta
    return reverse(f"admin:{meta.app_label}_{meta.model_name}_{page}", args=args)


def test_every_model_is_registered():
    assert {model.__name__ for model in MODELS} == {
        "User",
        "Department",
        "Category",
        "Tag",
        "Article",
        "Banner",
        "Plan",
        "Order",
        "Payment",
    }


@pytest.mark.parametrize("model", MODELS)
def test_lists_can_be_searched_and_forms_open(editor, model):
    some_rows()

    assert editor.get(url_of(model, "changelist"), {"q": "1"}).status_code == 200
    may_add = model not in WRITTEN_BY_THE_SITE
    assert editor.get(url_of(model, "add")).status_code == (200 if may_add else 403)
    if row := model.objects.first():
        assert editor.get(url_of(model, "change", row.pk)).status_code == 200


@pytest.mark.parametrize("model", MODELS)
def test_lists_do_not_query_per_row(editor, model, django_assert_max_num_queries):
    some_rows()

    with django_assert_max_num_queries(10):
        editor.get(url_of(model, "changelist"))
    for _ in range(4):
        some_rows()
    with django_assert_max_num_queries(10):
        editor.get(url_of(model, "changelist"))


def run_action(editor, name, *articles):
    selected = [article.pk for article in articles]
    data = {"action": name, "_selected_action": selected}
    return editor.post(url_of(Article, "changelist"), data, follow=True)


def test_publish_dates_drafts_and_leaves_published_alone(editor):
    draft = make_article(status=Article.Status.DRAFT, published_at=None)
    published = make_article()

    response = run_action(editor, "publish", draft, published)

    draft.refresh_from_db()
    assert draft.is_public
    assert "1 article published." in response.content.decode()
    before = published.published_at
    published.refresh_from_db()
    assert published.published_at == before


def test_unpublish_hides_and_keeps_the_date(editor):
    article = make_article()
    date = article.published_at

    response = run_action(editor, "unpublish", article)

    article.refresh_from_db()
    assert not article.is_public
    assert article.published_at == date
    assert "1 article unpublished." in response.content.decode()


def test_reader_without_the_permission_cannot_publish(client):
    from django.contrib.auth.models import Permission

    reader = make_user(is_staff=True)
    reader.user_permissions.add(Permission.objects.get(codename="view_article"))
    client.force_login(reader)
    draft = make_article(status=Article.Status.DRAFT)

    run_action(client, "publish", draft)

    draft.refresh_from_db()
    assert draft.status == Article.Status.DRAFT


def test_new_article_is_published_with_the_editor_as_author(editor):
    category = make_category()
    form = editor.get(url_of(Article, "add")).context["adminform"].form
    assert form.initial["author"] == int(editor.session["_auth_user_id"])

    response = editor.post(
        url_of(Article, "add"),
        {
            "title": "标题",
            "slug": "标题",
            "body": "正文",
            "category": category.pk,
            "author": form.initial["author"],
            "status": "published",
        },
    )

    assert response.status_code == 302
    assert Article.objects.get(slug="标题").is_public


def test_list_links_to_page_or_preview(editor):
    public = make_article()
    draft = make_article(status=Article.Status.DRAFT)

    page = editor.get(url_of(Article, "changelist")).content.decode()

    assert f'href="/en/articles/{public.slug}/"' in page
    assert f'href="/en/articles/{draft.slug}/preview/"' in page


def test_admin_speaks_chinese(editor):
    page = editor.get("/zh-hans/admin/").content.decode()

    for label in ("文章", "轮播图", "分类", "标签", "部门"):
        assert label in page

from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.widgets import AdminTextareaWidget
from django.db import models
from django.db.models import Count, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from articles import visits
from articles.models import Article, Banner, Category, DailyVisits, Tag
from articles.services import publish_articles, unpublish_articles
from core.importing.administration.changelists import ImportExportAdmin


class CountsArticles(ImportExportAdmin):
    """Shows how many articles a category or tag has, in one query."""

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        every = super().get_queryset(request)
        counted: QuerySet[Any] = every.annotate(article_count=Count("articles"))
        return counted

    @admin.display(description=_("articles"), ordering="article_count")
    def article_count(self, labelled: Any) -> int:
        return int(labelled.article_count)


@admin.register(Category)
class CategoryAdmin(CountsArticles):
    list_display = ["name", "slug", "position", "article_count"]
    list_editable = ["position"]
    search_fields = ["name", "slug"]
    prepopulated_fields = {"slug": ["name"]}


@admin.register(Tag)
class TagAdmin(CountsArticles):
    list_display = ["name", "slug", "article_count"]
    search_fields = ["name", "slug"]
    prepopulated_fields = {"slug": ["name"]}


@admin.register(Article)
class ArticleAdmin(ImportExportAdmin):
    list_display = [
        "title",
        "category",
        "author",
        "status",
        "published_at",
        "look",
    ]
    list_filter = ["status", "published_at", "category", "tags"]
    list_select_related = ["category", "author"]
    search_fields = ["title", "summary", "body", "slug"]
    search_help_text = _("Searches title, summary, body and slug.")
    autocomplete_fields = ["author", "category", "tags"]
    prepopulated_fields = {"slug": ["title"]}
    formfield_overrides = {models.URLField: {"assume_scheme": "https"}}
    readonly_fields = ["created_at", "updated_at"]
    save_on_top = True
    actions = ["publish", "unpublish"]
    fieldsets = [
        (None, {"fields": ["title", "slug", "summary", "body"]}),
        (_("Filed under"), {"fields": ["category", "tags", "author", "source_url"]}),
        (
            _("Publication"),
            {"fields": ["status", "published_at", "created_at", "updated_at"]},
        ),
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Article]:
        return super().get_queryset(request).defer("body_html")

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        initial: dict[str, Any] = super().get_changeform_initial_data(request)
        return {"author": request.user.pk} | initial

    def formfield_for_dbfield(
        self, db_field: models.Field, request: HttpRequest, **kwargs: Any
    ) -> Any:
        if db_field.name == "summary":
            kwargs["widget"] = AdminTextareaWidget(attrs={"rows": 3})
        return super().formfield_for_dbfield(db_field, request, **kwargs)

    def view_on_site(self, article: Article) -> str:
        """Link to the public page, or to the preview while there is none."""
        if article.is_public:
            return article.get_absolute_url()
        return reverse("articles:preview", args=[article.slug])

    @admin.display(description=_("page"))
    def look(self, article: Article) -> str:
        text = _("view") if article.is_public else _("preview")
        return format_html('<a href="{}">{}</a>', self.view_on_site(article), text)

    @admin.action(description=_("Publish selected articles"), permissions=["change"])
    def publish(self, request: HttpRequest, articles: QuerySet[Article]) -> None:
        count = publish_articles(articles)
        text = ngettext("%d article published.", "%d articles published.", count)
        self.message_user(request, text % count, messages.SUCCESS)

    @admin.action(description=_("Unpublish selected articles"), permissions=["change"])
    def unpublish(self, request: HttpRequest, articles: QuerySet[Article]) -> None:
        count = unpublish_articles(articles)
        text = ngettext("%d article unpublished.", "%d articles unpublished.", count)
        self.message_user(request, text % count, messages.SUCCESS)


class ShownNowFilter(admin.SimpleListFilter):
    title = _("shown now")
    parameter_name = "now"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("yes", _("Yes")), ("no", _("No"))]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        current = Banner.objects.current().values("pk")
        if self.value() == "yes":
            return queryset.filter(pk__in=current)
        if self.value() == "no":
            return queryset.exclude(pk__in=current)
        return queryset


@admin.register(Banner)
class BannerAdmin(ImportExportAdmin):
    list_display = [
        "title",
        "thumbnail",
        "colour",
        "link",
        "position",
        "shown_from",
        "shown_until",
        "is_shown",
    ]
    list_editable = ["position"]
    list_filter = [ShownNowFilter, "colour"]
    search_fields = ["title", "text", "link"]
    readonly_fields = ["thumbnail"]
    fields = [
        "title",
        "text",
        "link",
        ("image", "thumbnail"),
        "colour",
        "position",
        ("shown_from", "shown_until"),
    ]

    @admin.display(description=_("image preview"))
    def thumbnail(self, banner: Banner) -> str:
        if not banner.image:
            return "–"
        return format_html('<img src="{}" alt="" height="60">', banner.image.url)

    @admin.display(description=_("shown now"), boolean=True)
    def is_shown(self, banner: Banner) -> bool:
        return banner.is_current


@admin.register(DailyVisits)
class DailyVisitsAdmin(admin.ModelAdmin):
    """To be read; up to the moment, but for what other processes have in memory."""

    list_display = ["day", "page", "visits"]
    list_display_links = None
    list_filter = ["day"]
    date_hierarchy = "day"
    search_fields = ["page"]

    def changelist_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        visits.flush()
        return super().changelist_view(request, *args, **kwargs)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

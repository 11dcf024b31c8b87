from collections.abc import Iterable
from typing import Any, Self

from django.conf import settings
from django.core.paginator import Page, Paginator
from django.db import models
from django.db.models import F, Q
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from articles.fields import RenderedMarkdownField
from articles.images import upload_path, validate_image
from articles.validators import validate_link


class Category(models.Model):
    name = models.CharField(_("name"), max_length=100, unique=True)
    slug = models.SlugField(_("slug"), max_length=100, unique=True, allow_unicode=True)
    position = models.PositiveSmallIntegerField(
        _("position"), default=0, help_text=_("Smaller numbers come first.")
    )

    class Meta:
        verbose_name = _("category")
        verbose_name_plural = _("categories")
        ordering = ["position", "name"]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("articles:category", args=[self.slug])


class Tag(models.Model):
    name = models.CharField(_("name"), max_length=100, unique=True)
    slug = models.SlugField(_("slug"), max_length=100, unique=True, allow_unicode=True)

    class Meta:
        verbose_name = _("tag")
        verbose_name_plural = _("tags")
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("articles:tag", args=[self.slug])


class ArticleQuerySet(models.QuerySet["Article"]):
    def published(self) -> Self:
        """Select what visitors may see now; a later ``published_at`` waits."""
        return self.filter(
            status=Article.Status.PUBLISHED, published_at__lte=timezone.now()
        )

    def for_list(self) -> Self:
        """Load what a list shows, newest first, without the bodies."""
        return (
            self.select_related("author", "category")
            .prefetch_related("tags")
            .defer("body", "body_html")
            .order_by("-published_at", "-pk")
        )

    def page_of_list(self, number: int | str, *, size: int) -> "Page[Article]":
        """Load one page of a list; raise ``InvalidPage`` if there is no such page."""
        return Paginator(self.for_list(), size).page(number)

    def for_page(self) -> Self:
        """Load what the page of one article shows."""
        return self.select_related("author", "category").prefetch_related("tags")

    def search(self, text: str) -> Self:
        """Select articles that contain every word, in title, summary or body."""
        found = self
        for word in text.split():
            found = found.filter(
                Q(title__icontains=word)
                | Q(summary__icontains=word)
                | Q(body__icontains=word)
            )
        return found


class Article(models.Model):
    class Status(models.TextChoices):
        DRAFT = "draft", _("draft")
        PUBLISHED = "published", _("published")

    title = models.CharField(_("title"), max_length=200)
    slug = models.SlugField(
        _("slug"),
        max_length=200,
        unique=True,
        allow_unicode=True,
        help_text=_("The last part of the article's address."),
    )
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        related_name="articles",
        verbose_name=_("author"),
    )
    category = models.ForeignKey(
        Category,
        on_delete=models.PROTECT,
        related_name="articles",
        verbose_name=_("category"),
    )
    tags = models.ManyToManyField(
        Tag, blank=True, related_name="articles", verbose_name=_("tags")
    )
    summary = models.CharField(
        _("summary"),
        max_length=300,
        blank=True,
        help_text=_("One or two sentences for lists, feeds and search engines."),
    )
    body = models.TextField(_("body"), help_text=_("Markdown; HTML is shown as text."))
    body_html = RenderedMarkdownField(
        _("rendered body"), source="body", editable=False, blank=True
    )
    source_url = models.URLField(
        _("source"),
        max_length=500,
        blank=True,
        help_text=_("Where the article first appeared, if elsewhere."),
    )
    status = models.CharField(
        _("status"), max_length=10, choices=Status, default=Status.DRAFT
    )
    published_at = models.DateTimeField(
        _("published at"),
        null=True,
        blank=True,
        help_text=_("A time to come keeps a published article hidden until then."),
    )
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)
    updated_at = models.DateTimeField(_("updated at"), auto_now=True)

    objects = ArticleQuerySet.as_manager()

    class Meta:
        verbose_name = _("article")
        verbose_name_plural = _("articles")
        ordering = ["-published_at", "-pk"]
        constraints = [
            models.CheckConstraint(
                name="article_published_has_time",
                condition=~Q(status="published") | Q(published_at__isnull=False),
                violation_error_message=_("A published article needs a time."),
            ),
            models.CheckConstraint(
                name="article_status_is_known",
                condition=Q(status__in=["draft", "published"]),
            ),
        ]
        indexes = [
            models.Index(
                fields=["status", "-published_at", "-id"], name="article_latest"
            ),
            models.Index(
                fields=["category", "status", "-published_at"],
                name="article_by_category",
            ),
            models.Index(
                fields=["author", "status", "-published_at"], name="article_by_author"
            ),
        ]

    def __str__(self) -> str:
        return self.title

    def save(
        self, *args: Any, update_fields: Iterable[str] | None = None, **kwargs: Any
    ) -> None:
        if update_fields is not None and "body" in update_fields:
            update_fields = {*update_fields, "body_html"}
        super().save(*args, update_fields=update_fields, **kwargs)

    def get_absolute_url(self) -> str:
        return reverse("articles:detail", args=[self.slug])

    def clean(self) -> None:
        """Date an article that is published without a time: now."""
        if self.status == self.Status.PUBLISHED and self.published_at is None:
            self.published_at = timezone.now()

    def neighbours(self) -> tuple["Article | None", "Article | None"]:
        """Give the next newer and the next older public article."""
        others = Article.objects.published().only("title", "slug")
        here = {"published_at": self.published_at, "pk": self.pk}
        newer = others.filter(
            Q(published_at__gt=here["published_at"])
            | Q(published_at=here["published_at"], pk__gt=here["pk"])
        ).order_by("published_at", "pk")
        older = others.filter(
            Q(published_at__lt=here["published_at"])
            | Q(published_at=here["published_at"], pk__lt=here["pk"])
        ).order_by("-published_at", "-pk")
        return newer.first(), older.first()

    @property
    def is_public(self) -> bool:
        return (
            self.status == self.Status.PUBLISHED
            and self.published_at is not None
            and self.published_at <= timezone.now()
        )


class BannerQuerySet(models.QuerySet["Banner"]):
    def current(self) -> Self:
        """Select the banners to show now, in their order."""
        now = timezone.now()
        return self.filter(
            Q(shown_from__isnull=True) | Q(shown_from__lte=now),
            Q(shown_until__isnull=True) | Q(shown_until__gt=now),
        )


class Banner(models.Model):
    class Colour(models.TextChoices):
        """Backgrounds on which white text has AA contrast; the CSS defines them."""

        INK = "ink", _("ink")
        INDIGO = "indigo", _("indigo")
        TEAL = "teal", _("teal")
        CINNABAR = "cinnabar", _("cinnabar")
        PLUM = "plum", _("plum")

    title = models.CharField(_("title"), max_length=100)
    text = models.CharField(_("text"), max_length=200, blank=True)
    image = models.ImageField(
        _("image"),
        upload_to=upload_path,
        blank=True,
        validators=[validate_image],
        help_text=_("JPEG, PNG or WebP, at most 2 MB and 4000 × 4000 pixels."),
    )
    colour = models.CharField(
        _("background colour"),
        max_length=10,
        choices=Colour,
        default=Colour.INK,
        help_text=_("Of the whole banner, or of the text beside its image."),
    )
    link = models.CharField(
        _("link"),
        max_length=500,
        blank=True,
        validators=[validate_link],
        help_text=_("A path such as /articles/welcome/ or an https:// address."),
    )
    position = models.PositiveSmallIntegerField(
        _("position"), default=0, help_text=_("Smaller numbers come first.")
    )
    shown_from = models.DateTimeField(_("shown from"), null=True, blank=True)
    shown_until = models.DateTimeField(_("shown until"), null=True, blank=True)

    objects = BannerQuerySet.as_manager()

    class Meta:
        verbose_name = _("banner")
        verbose_name_plural = _("banners")
        ordering = ["position", "pk"]
        constraints = [
            models.CheckConstraint(
                name="banner_ends_after_it_starts",
                condition=Q(shown_from__isnull=True)
                | Q(shown_until__isnull=True)
                | Q(shown_until__gt=F("shown_from")),
                violation_error_message=_("The banner would end before it starts."),
            )
        ]
        indexes = [
            models.Index(fields=["position", "id"], name="banner_order"),
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def is_current(self) -> bool:
        now = timezone.now()
        return (self.shown_from is None or self.shown_from <= now) and (
            self.shown_until is None or now < self.shown_until
        )


class DailyVisits(models.Model):
    """How often a page was visited on a day; ``articles.visits`` writes it."""

    PAGE_LENGTH = 255

    day = models.DateField(_("day"))
    page = models.CharField(_("page"), max_length=PAGE_LENGTH)
    visits = models.PositiveBigIntegerField(_("visits"))

    class Meta:
        verbose_name = _("daily visits")
        verbose_name_plural = _("daily visits")
        ordering = ["-day", "-visits", "page"]
        constraints = [
            models.UniqueConstraint(fields=["day", "page"], name="daily_visits_once")
        ]

    def __str__(self) -> str:
        return f"{self.day} {self.page}"


class VisitBatch(models.Model):
    """The name of a batch of visits that was added to ``DailyVisits``."""

    name = models.CharField(max_length=32, primary_key=True)
    counted_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return self.name

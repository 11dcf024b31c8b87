"""Writes with more than one effect."""

from django.db.models import F, QuerySet
from django.db.models.functions import Coalesce
from django.utils import timezone

from articles.models import Article


def publish_articles(articles: QuerySet[Article]) -> int:
    """Publish the drafts among these, dated now unless they have a date."""
    now = timezone.now()
    return articles.filter(status=Article.Status.DRAFT).update(
        status=Article.Status.PUBLISHED,
        published_at=Coalesce(F("published_at"), now),
        updated_at=now,
    )


def unpublish_articles(articles: QuerySet[Article]) -> int:
    """Make drafts of the published among these; they keep their date."""
    return articles.filter(status=Article.Status.PUBLISHED).update(
        status=Article.Status.DRAFT, updated_at=timezone.now()
    )

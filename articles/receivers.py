"""Reactions to changes and visits: each hands over to ``caches`` or ``visits``.

``invalidate`` takes effect with the COMMIT of the transaction that sends the signal.
"""

from django.db.models import Model
from django.db.models.signals import m2m_changed, post_delete, post_save
from django.dispatch import Signal, receiver
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from articles import (
    caches,  # noqa: F401 (tracks the models in every process)
    visits,
)
from articles.models import Article, Banner, Category, Tag
from core.caching import invalidate, tags_of
from core.signals import request_finished, table_imported

SAVED_OR_DELETED: list[Signal] = [post_save, post_delete]


@receiver(SAVED_OR_DELETED, sender=Banner, dispatch_uid="articles.banner_changed")
@receiver(SAVED_OR_DELETED, sender=Category, dispatch_uid="articles.category_changed")
@receiver(SAVED_OR_DELETED, sender=Tag, dispatch_uid="articles.tag_changed")
@receiver(SAVED_OR_DELETED, sender=Article, dispatch_uid="articles.article_changed")
def row_changed(
    *, instance: Banner | Category | Tag | Article, **kwargs: object
) -> None:
    invalidate(*tags_of(instance))


@receiver(
    m2m_changed, sender=Article.tags.through, dispatch_uid="articles.article_tagged"
)
def article_tagged(
    *,
    instance: Article | Tag,
    model: type[Article | Tag],
    pk_set: set[int] | None,
    **kwargs: object,
) -> None:
    others = [f"{model._meta.label_lower}:{pk}" for pk in pk_set or ()]
    invalidate(*tags_of(instance), *others)


@receiver(table_imported, dispatch_uid="articles.table_imported")
def table_filled(*, sender: type[Model] | None, **kwargs: object) -> None:
    if sender is not None:
        invalidate(*tags_of(sender))


@receiver(request_finished, dispatch_uid="articles.page_visited")
def page_visited(
    *, request: HttpRequest, response: HttpResponseBase, **kwargs: object
) -> None:
    if visits.is_visit(request, response):
        visits.count(request.path)

"""Small functions that make one valid object; keyword arguments override."""

import itertools
from typing import Any

from django.utils import timezone

from accounts.models import User
from articles.models import Article, Banner, Category, Tag

_numbers = itertools.count(1)


def make_user(**overrides: Any) -> User:
    number = next(_numbers)
    values = {"username": f"user{number}", "email": f"user{number}@example.com"}
    return User.objects.create_user(**values | overrides)


def make_staff(**overrides: Any) -> User:
    return make_user(**{"is_staff": True, "is_superuser": True} | overrides)


def make_category(**overrides: Any) -> Category:
    number = next(_numbers)
    values = {"name": f"Category {number}", "slug": f"category-{number}"}
    return Category.objects.create(**values | overrides)


def make_tag(**overrides: Any) -> Tag:
    number = next(_numbers)
    return Tag.objects.create(
        **{"name": f"Tag {number}", "slug": f"tag-{number}"} | overrides
    )


def make_article(*, tags: list[Tag] | None = None, **overrides: Any) -> Article:
    number = next(_numbers)
    values = {
        "title": f"Article {number}",
        "slug": f"article-{number}",
        "summary": f"Summary {number}",
        "body": f"Body of article {number}.",
        "status": Article.Status.PUBLISHED,
        "published_at": timezone.now(),
    } | overrides
    values.setdefault("author", None)
    values["author"] = values["author"] or make_user()
    values["category"] = values.get("category") or make_category()
    article = Article.objects.create(**values)
    article.tags.set(tags or [])
    return article


def make_banner(**overrides: Any) -> Banner:
    return Banner.objects.create(**{"title": f"Banner {next(_numbers)}"} | overrides)

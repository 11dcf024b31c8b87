"""Small functions that make one valid object; keyword arguments override."""

import itertools
import uuid
from typing import Any

from django.utils import timezone

from accounts.models import Order, Plan, User
from accounts.orders import TIME_TO_PAY
from articles.models import Article, Banner, Category, Tag

_numbers = itertools.count(1)


def make_user(**overrides: Any) -> User:
    values = {"username": f"user{next(_numbers)}"}
    return User.objects.create_user(**values | overrides)


def make_staff(**overrides: Any) -> User:
    return make_user(**{"is_staff": True, "is_superuser": True} | overrides)


def make_plan(**overrides: Any) -> Plan:
    values = {"name": f"Plan {next(_numbers)}", "days": 30, "price_fen": 9900}
    return Plan.objects.create(**values | overrides)


def make_order(**overrides: Any) -> Order:
    """Insert an order that nobody was told of."""
    plan = overrides.pop("plan", None) or make_plan()
    values = {
        "plan": plan,
        "days": plan.days,
        "amount_fen": plan.price_fen,
        "token": uuid.uuid4(),
        "pay_before": timezone.now() + TIME_TO_PAY,
    } | overrides
    values.setdefault("user", None)
    values["user"] = values["user"] or make_user()
    return Order.objects.create(**values)


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

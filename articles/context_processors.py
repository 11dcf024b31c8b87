from typing import Any

from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from articles.models import Category


def navigation(request: HttpRequest) -> dict[str, Any]:
    """Give the categories of the menu; queried only by templates that show it."""
    categories = SimpleLazyObject(lambda: list(Category.objects.all()))
    return {"navigation": {"categories": categories}}

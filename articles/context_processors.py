from typing import Any

from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from articles import caches


def navigation(request: HttpRequest) -> dict[str, Any]:
    """Give the categories of the menu; queried only by templates that show it."""
    categories = SimpleLazyObject(caches.navigation)
    return {"navigation": {"categories": categories}}

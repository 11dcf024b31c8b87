"""Coherent cache: after a commit nobody reads older data. Start in docs/caching.md.

A cached value names what it shows by tags; a transaction that changes a tagged
model voids the value at its COMMIT (``transactions``), and a reader accepts a value
only if the stamps it was built under are still current (``stores``).
"""

from core.caching.json_values import NotCacheable
from core.caching.tags import tags_of
from core.caching.tracking import track
from core.caching.transactions import invalidate, invalidate_all
from core.caching.values import cached, delete_memoized, get_or_build, memoize
from core.caching.views import cached_view

__all__ = [
    "NotCacheable",
    "cached",
    "cached_view",
    "delete_memoized",
    "get_or_build",
    "invalidate",
    "invalidate_all",
    "memoize",
    "tags_of",
    "track",
]

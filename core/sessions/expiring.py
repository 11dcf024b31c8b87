from collections.abc import Iterator

from django.db import transaction
from django.utils import timezone

from core.sessions import rows
from core.sessions.retrying import retried

STEP = 1000
# The cache voids so many copies one by one; for more it would void everybody's.
AT_ONCE = 100


def delete_expired() -> int:
    """Delete expired sessions in small transactions; give their number.

    The site goes on meanwhile, and a run that is cut off has done part of the work.
    """
    deleted = 0
    for keys in _expired_keys():
        for start in range(0, len(keys), AT_ONCE):
            deleted += _delete(keys[start : start + AT_ONCE])
    return deleted


def _expired_keys() -> Iterator[list[str]]:
    """Give the keys of what is to be deleted before the next ones are asked for."""
    expired = rows.rows().filter(expire_date__lte=timezone.now())
    while keys := list(
        expired.order_by("expire_date").values_list("pk", flat=True)[:STEP]
    ):
        yield keys


def _delete(keys: list[str]) -> int:
    def delete(failure: Exception | None) -> int:
        with transaction.atomic(using=rows.database()):
            # A request that began in time may have prolonged its session since.
            expired = rows.rows().filter(pk__in=keys, expire_date__lte=timezone.now())
            locked = list(expired.select_for_update().values_list("pk", flat=True))
            return rows.delete(locked) if locked else 0

    return retried(delete, rows.database())

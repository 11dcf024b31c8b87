"""Unhandled exceptions for the administration: a row per fault, repeats are counted.

The row is written when the request is torn down: its transactions are at their end by
then, so that a rollback does not take the row with it, and the page for the visitor is
complete. Two requests with the same new fault both try to insert; the unique
fingerprint lets one through, and the other one counts.
"""

import hashlib
import traceback

from django.db import IntegrityError, transaction
from django.db.models import F
from django.http import HttpRequest
from django.utils import timezone

from core.web.models import UnhandledError
from core.web.request_id import request_id

MOST_ROWS = 500
# The innermost ones: endless recursion makes a thousand.
MOST_FRAMES = 30


def record_failure(request: HttpRequest, error: BaseException) -> None:
    frames = _frames(error)
    exception = _name(type(error))
    digest = hashlib.blake2b("\n".join([exception, *frames]).encode(), digest_size=16)
    now = timezone.now()
    user_id = getattr(getattr(request, "user", None), "pk", None)  # None: nobody
    latest = {
        "last_seen": now,
        "last_path": request.path[: UnhandledError.PATH_LENGTH],
        "last_request_id": request_id(request.META),
        "last_user_id": "" if user_id is None else str(user_id),
    }
    rows = UnhandledError.objects.filter(fingerprint=digest.hexdigest())
    if rows.update(times=F("times") + 1, **latest):
        return
    try:
        with transaction.atomic():
            UnhandledError.objects.create(
                fingerprint=digest.hexdigest(),
                exception=exception[: UnhandledError.NAME_LENGTH],
                place=frames[-1][: UnhandledError.NAME_LENGTH],
                frames="\n".join(frames),
                first_seen=now,
                **latest,
            )
    except IntegrityError:
        rows.update(times=F("times") + 1, **latest)
    else:
        _forget_the_oldest()


def _forget_the_oldest() -> None:
    newest = UnhandledError.objects.order_by("-last_seen", "-pk")
    surplus = list(newest.values_list("pk", flat=True)[MOST_ROWS:])
    UnhandledError.objects.filter(pk__in=surplus).delete()


def _frames(error: BaseException) -> list[str]:
    """Give module, line and function of each frame, the innermost last."""
    walk = list(traceback.walk_tb(error.__traceback__))[-MOST_FRAMES:]
    return [
        f"{frame.f_globals.get('__name__')}:{line} in {frame.f_code.co_qualname}"
        for frame, line in walk
    ]


def _name(kind: type) -> str:
    if kind.__module__ == "builtins":
        return kind.__qualname__
    return f"{kind.__module__}.{kind.__qualname__}"

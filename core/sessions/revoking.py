"""A user's sessions, for pages on which they are seen and ended."""

from typing import TYPE_CHECKING, Any

from django.contrib.sessions.backends.base import SessionBase
from django.db import transaction
from django.utils import timezone

from core.sessions import rows
from core.sessions.expiring import AT_ONCE
from core.sessions.ids import digest_of
from core.sessions.retrying import retried

if TYPE_CHECKING:
    from core.sessions.models import Session


def list_sessions(user: Any) -> "list[Session]":
    """List a user's sessions, the last used one first, without their data."""
    of_user = rows.rows().filter(user=user.pk, expire_date__gt=timezone.now())
    return list(of_user.defer("session_data").order_by("-last_seen", "pk"))


def revoke_session(user: Any, session: "Session | SessionBase | str") -> bool:
    """End one session of the user, at once; False if he has no such session."""
    return _end(rows.rows().filter(user=user.pk, pk__in=_names(session))) > 0


def revoke_all(user: Any, keep: "Session | SessionBase | str | None" = None) -> int:
    """End all sessions of the user but one, such as ``request.session``."""
    ended = rows.rows().filter(user=user.pk)
    return _end(ended.exclude(pk__in=_names(keep)) if keep else ended)


def session_id(session: SessionBase) -> str:
    """Give the name that a request's session has in the list: not the cookie."""
    return digest_of(session.session_key or "")


def _names(session: "Session | SessionBase | str") -> list[str]:
    """Give the possible keys of the row: the name itself, or that of a cookie."""
    name = session if isinstance(session, str) else session.session_key
    return [name, digest_of(name)] if name else []


def _end(ended: Any) -> int:
    def delete(failure: Exception | None) -> int:
        with transaction.atomic(using=rows.database()):
            keys = list(ended.select_for_update().values_list("pk", flat=True))
            parts = [keys[i : i + AT_ONCE] for i in range(0, len(keys), AT_ONCE)]
            return sum(rows.delete(part) for part in parts)

    return retried(delete, rows.database())

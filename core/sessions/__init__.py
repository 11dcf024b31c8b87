"""``SESSION_ENGINE = "core.sessions"``: sessions that lose nothing and outlive Redis.

The database is the truth; Redis, if there is one, holds a copy that validates
itself (``copies``). Requests that save at the same time merge key by key
(``store``). Start in docs/sessions.md.
"""

from core.sessions.retrying import SessionUnavailable
from core.sessions.revoking import (
    list_sessions,
    revoke_all,
    revoke_session,
    session_id,
)
from core.sessions.store import SessionStore

__all__ = [
    "SessionStore",
    "SessionUnavailable",
    "list_sessions",
    "revoke_all",
    "revoke_session",
    "session_id",
]

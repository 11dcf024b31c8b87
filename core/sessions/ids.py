"""What stands in the cookie, and the name under which it is stored.

An id is random and known to the browser alone: database and Redis have its SHA-256,
from which nobody gets back to a cookie that works. An id is never taken over from a
client: unknown ones are dropped, new ones are made here.
"""

import re
import secrets
from functools import lru_cache
from hashlib import sha256

from django.conf import settings
from django.core.signals import setting_changed
from django.core.signing import BadSignature, Signer

from core.sessions.options import ID_LENGTHS, options

# What token_urlsafe() makes of the shortest and of the longest id.
_FORM = re.compile(
    rf"[\w-]{{{len(secrets.token_urlsafe(ID_LENGTHS[0]))},"
    rf"{len(secrets.token_urlsafe(ID_LENGTHS[-1]))}}}",
    re.ASCII,
)
_LONGEST = 256


def make_id() -> str:
    made = secrets.token_urlsafe(options().id_length)
    return _signer().sign(made) if options().use_signer else made


def is_possible(value: object) -> bool:
    """Tell whether the id may be one of ours, before anything is looked up."""
    if not isinstance(value, str) or len(value) > _LONGEST:
        return False
    if options().use_signer:
        try:
            value = _signer().unsign(value)
        except BadSignature:
            return False
    return _FORM.fullmatch(value) is not None


def digest_of(value: str) -> str:
    return sha256(value.encode()).hexdigest()


@lru_cache(maxsize=1)
def _signer() -> Signer:
    return Signer(
        key=settings.SECRET_KEY,
        fallback_keys=settings.SECRET_KEY_FALLBACKS,
        sep=".",
        salt="core.sessions.id",
    )


def forget_signer(*, setting: str, **kwargs: object) -> None:
    if setting in {"SECRET_KEY", "SECRET_KEY_FALLBACKS"}:
        _signer.cache_clear()


setting_changed.connect(forget_signer, dispatch_uid="core.sessions.forget_signer")

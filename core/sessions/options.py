"""The settings of sessions, under Flask-Session's names where it has them."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.signals import setting_changed

ID_LENGTHS = range(16, 129)


@dataclass(frozen=True)
class Options:
    key_prefix: str
    """Begins the names of the copies in Redis."""
    use_signer: bool
    """Whether cookies are signed, so that forged ones cost no look-up."""
    is_permanent: bool
    """Whether cookies outlive the browser."""
    lifetime_s: int
    id_length: int
    """Random bytes of an id."""
    is_sliding: bool
    """Whether reading a session prolongs it, and not just changing it."""
    touch_s: float
    """How old a session's last prolongation is before it is prolonged again."""


@lru_cache(maxsize=1)
def options() -> Options:
    return Options(
        key_prefix=_setting("SESSION_KEY_PREFIX", "session:", _is_text, "a string"),
        use_signer=_flag("SESSION_USE_SIGNER", False),
        is_permanent=_either(
            "SESSION_PERMANENT",
            _flag,
            "SESSION_EXPIRE_AT_BROWSER_CLOSE",
            lambda name: not _flag(name),
        ),
        lifetime_s=_either(
            "PERMANENT_SESSION_LIFETIME", _seconds, "SESSION_COOKIE_AGE", _seconds
        ),
        id_length=_setting(
            "SESSION_ID_LENGTH",
            32,
            lambda value: type(value) is int and value in ID_LENGTHS,
            f"a number of bytes from {ID_LENGTHS[0]} to {ID_LENGTHS[-1]}",
        ),
        is_sliding=_flag("SESSION_REFRESH_EACH_REQUEST", True),
        touch_s=_setting(
            "SESSION_TOUCH_S",
            300,
            lambda value: _is_number(value) and value >= 0,
            "a number of seconds, 0 for every request",
        ),
    )


def _setting(
    name: str, default: Any, is_right: Callable[[Any], bool], expected: str
) -> Any:
    value = getattr(settings, name, default)
    if not is_right(value):
        raise ImproperlyConfigured(f"{name} is {value!r}: expected {expected}.")
    return value


def _flag(name: str, default: bool = False) -> bool:
    value: bool = _setting(
        name, default, lambda value: isinstance(value, bool), "True or False"
    )
    return value


def _seconds(name: str) -> int:
    def is_duration(value: Any) -> bool:
        seconds = value.total_seconds() if isinstance(value, timedelta) else value
        return _is_number(seconds) and seconds >= 1

    expected = "a positive number of seconds or a timedelta"
    value = _setting(name, None, is_duration, expected)
    return int(value.total_seconds() if isinstance(value, timedelta) else value)


def _either(
    flask_name: str,
    read_flask: Callable[[str], Any],
    django_name: str,
    read_django: Callable[[str], Any],
) -> Any:
    """Take the one that is set; two that contradict each other are a mistake."""
    django = read_django(django_name)
    if not _is_set(flask_name):
        return django
    flask = read_flask(flask_name)
    if _is_set(django_name) and flask != django:
        raise ImproperlyConfigured(
            f"{flask_name} is {getattr(settings, flask_name)!r} and {django_name} is "
            f"{getattr(settings, django_name)!r}: expected one of the two alone, as "
            "they say the same."
        )
    return flask


def _is_set(name: str) -> bool:
    # Of the settings as they are behind Django's lazy object.
    return settings.is_overridden(name)  # type: ignore[misc,no-any-return]


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def forget_options(*, setting: str, **kwargs: object) -> None:
    if "SESSION" in setting:
        options.cache_clear()


setting_changed.connect(forget_options, dispatch_uid="core.sessions.forget_options")

from typing import Any

from django.contrib.auth.backends import ModelBackend
from django.core.exceptions import PermissionDenied
from django.db.models import Q
from django.http import HttpRequest
from django.views.decorators.debug import sensitive_variables

from accounts.models import User
from accounts.throttle import LoginAttempt, account_name, client_address


class AccountBackend(ModelBackend):
    """Logs in by username or phone, and refuses after too many failures.

    An unknown name costs as much time as a wrong password, and both count alike.
    """

    @sensitive_variables("password")
    def authenticate(
        self,
        request: HttpRequest | None,
        username: str | None = None,
        password: str | None = None,
        **kwargs: Any,
    ) -> User | None:
        username = username or kwargs.get(User.USERNAME_FIELD)
        if username is None or password is None:
            return None
        user = find_user(username)
        attempt = attempt_of(user, username, request)
        if not attempt.begin():
            # No other backend may be asked instead.
            raise PermissionDenied
        if user is None:
            User().set_password(password)
            return None
        if not user.check_password(password) or not self.user_can_authenticate(user):
            return None
        attempt.succeed()
        return user


def find_user(identifier: str) -> User | None:
    """Find an account by its username, or else by its phone.

    In this order, because a phone may be typed into a profile and nobody has checked
    whose it is. One query in any case, so that its time tells nothing.
    """
    found = User.objects.filter(Q(username=identifier) | Q(phone=identifier))
    return min(found, key=lambda user: user.phone == identifier, default=None)


def attempt_of(
    user: User | None, identifier: str, request: HttpRequest | None
) -> LoginAttempt:
    """Name an account by its key, however it was asked for; see ``account_name``."""
    account = f"pk {user.pk}" if user else f"name {account_name(identifier)}"
    return LoginAttempt(account, client_address(request))

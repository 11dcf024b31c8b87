"""Counts attempts to log in, in the database: every process sees the same counts.

An attempt is counted *before* the password is looked at, and taken back after a
success. So however many come at once, no more than the limit are looked at. Each
step is one statement, committed by itself, that finds its rows by key: it holds no
lock while a password is hashed, and cannot deadlock.
"""

import ipaddress
import logging
import unicodedata
from dataclasses import dataclass
from datetime import timedelta
from functools import reduce
from operator import or_

from django.conf import settings
from django.db.models import F, Max, Q
from django.http import HttpRequest
from django.utils import timezone
from django.utils.crypto import salted_hmac

from accounts.models import AttemptCount

WINDOW = timedelta(minutes=15)
"""Counts begin with the first attempt and are forgotten this much later."""

FAILURES_PER_ACCOUNT_AND_ADDRESS = 5
# Nobody may lock an account for its owner with a few attempts, nor an office with
# one address by forgetting a password; many of either are an attack.
FAILURES_PER_ACCOUNT = 20
FAILURES_PER_ADDRESS = 50

PURGED_AT_ONCE = 5

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Limit:
    """``failures`` attempts per window, counted under a key that names nobody."""

    key: str
    failures: int

    @classmethod
    def of(cls, failures: int, *names: str) -> "Limit":
        digest = salted_hmac("accounts.throttle", repr(names), algorithm="sha256")
        return cls(digest.hexdigest(), failures)


class LoginAttempt:
    """One attempt to log in to an account from an address."""

    def __init__(self, account: str, address: str) -> None:
        self._of_account = [
            Limit.of(FAILURES_PER_ACCOUNT_AND_ADDRESS, "both", account, address),
            Limit.of(FAILURES_PER_ACCOUNT, "account", account),
        ]
        self._of_address = Limit.of(FAILURES_PER_ADDRESS, "address", address)
        self._limits = [*self._of_account, self._of_address]

    def begin(self) -> bool:
        """Count the attempt; False, and nothing counted, if there were too many."""
        for index, limit in enumerate(self._limits):
            if not _count(limit):
                for counted in self._limits[:index]:
                    _take_back(counted)
                logger.warning("login refused after %s failures", limit.failures)
                return False
        return True

    def succeed(self) -> None:
        """Forget the failures of the account, but not those of the address.

        Else somebody with an account of his own could go on guessing for ever.
        """
        self.forget_failures()
        _take_back(self._of_address)

    def forget_failures(self) -> None:
        keys = [limit.key for limit in self._of_account]
        AttemptCount.objects.filter(key__in=keys).delete()

    def wait(self) -> timedelta:
        """Tell how long attempts will be refused; zero if they are not."""
        now = timezone.now()
        is_full = (
            Q(key=limit.key, count__gte=limit.failures) for limit in self._limits
        )
        full = AttemptCount.objects.filter(reduce(or_, is_full), until__gt=now)
        until = full.aggregate(until=Max("until"))["until"]
        return until - now if until else timedelta()


def _count(limit: Limit) -> bool:
    if _increment(limit):
        return True
    _, is_new = AttemptCount.objects.get_or_create(
        key=limit.key, defaults={"count": 0, "until": timezone.now() + WINDOW}
    )
    if is_new:
        _purge()
    return _increment(limit)


def _increment(limit: Limit) -> bool:
    now = timezone.now()
    row = AttemptCount.objects.filter(key=limit.key)
    current = row.filter(until__gt=now, count__lt=limit.failures)
    lapsed = row.filter(until__lte=now)
    return bool(
        current.update(count=F("count") + 1)
        or lapsed.update(count=1, until=now + WINDOW)
    )


def _take_back(limit: Limit) -> None:
    counted = AttemptCount.objects.filter(key=limit.key, count__gt=0)
    counted.update(count=F("count") - 1)


def _purge() -> None:
    """Delete some counts that lapsed long ago, so that the table stays small."""
    lapsed = AttemptCount.objects.filter(until__lt=timezone.now() - WINDOW)
    for key in lapsed.values_list("key", flat=True)[:PURGED_AT_ONCE]:
        lapsed.filter(key=key).delete()


def client_address(request: HttpRequest | None) -> str:
    """Give the address that counts are kept under.

    Behind a proxy it is the last of ``X-Forwarded-For``, the only one that the proxy
    has seen itself. Of IPv6 it is the network of 64 bits, which one customer has.
    """
    if request is None:
        return ""
    address: str = request.META.get("REMOTE_ADDR", "")
    if settings.BEHIND_PROXY and (
        forwarded := request.META.get("HTTP_X_FORWARDED_FOR")
    ):
        address = forwarded.rpartition(",")[2].strip()
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(ip, ipaddress.IPv6Address):
        if ip.ipv4_mapped:
            return str(ip.ipv4_mapped)
        return str(ipaddress.ip_network((int(ip), 64), strict=False))
    return str(ip)


def account_name(identifier: str) -> str:
    """Give names that differ in case or form alone the same count."""
    return unicodedata.normalize("NFKC", identifier).casefold()

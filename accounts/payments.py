"""Reading the payment provider's callbacks, which anybody may send.

The signature is the HMAC-SHA256 of ``<timestamp>.<body>`` under ``PAYMENT_SECRET``,
in hexadecimal; the timestamp, in seconds since 1970, must be of these minutes.
"""

import hmac
import json
import time
from hashlib import sha256
from http import HTTPStatus
from typing import Any

from django import forms
from django.conf import settings
from django.http import HttpRequest
from django.utils.translation import gettext as _

TOLERANCE_SECONDS = 5 * 60


class CallbackRefused(Exception):
    def __init__(self, status: HTTPStatus, message: str) -> None:
        super().__init__(message)
        self.status, self.message = status, message


class PaymentNotice(forms.Form):
    """The body of a callback, a JSON object."""

    order = forms.UUIDField()
    payment = forms.CharField(max_length=64)
    amount_fen = forms.IntegerField(min_value=1, max_value=2**31 - 1)

    def first_error(self) -> str:
        name, messages = next(iter(self.errors.items()))
        return f"{name}: {messages[0]}"


def read_notice(request: HttpRequest) -> dict[str, Any]:
    """Give the checked content of a callback, or raise CallbackRefused."""
    if not settings.PAYMENT_SECRET:
        raise CallbackRefused(
            HTTPStatus.SERVICE_UNAVAILABLE, _("Payments are not set up here.")
        )
    body = request.body
    _check_signature(
        body,
        timestamp=request.headers.get("X-Timestamp", ""),
        signature=request.headers.get("X-Signature", ""),
    )
    return _parse(body)


def sign(body: bytes, timestamp: str) -> str:
    signed = timestamp.encode() + b"." + body
    return hmac.new(settings.PAYMENT_SECRET.encode(), signed, sha256).hexdigest()


def _check_signature(body: bytes, *, timestamp: str, signature: str) -> None:
    # Before the timestamp, so that only the provider learns how it is judged.
    expected = sign(body, timestamp)
    if not hmac.compare_digest(expected.encode(), signature.encode()):
        raise CallbackRefused(HTTPStatus.FORBIDDEN, _("The signature is wrong."))
    is_number = timestamp.isascii() and timestamp.isdigit() and len(timestamp) < 16
    if not is_number or abs(time.time() - int(timestamp)) > TOLERANCE_SECONDS:
        raise CallbackRefused(
            HTTPStatus.FORBIDDEN,
            _("X-Timestamp is %(found)s: expected the time now, in seconds since 1970.")
            % {"found": timestamp[:20] or "-"},
        )


def _parse(body: bytes) -> dict[str, Any]:
    try:
        content = json.loads(body)
    except ValueError:
        content = None
    if not isinstance(content, dict):
        raise CallbackRefused(
            HTTPStatus.BAD_REQUEST, _("The body is not a JSON object.")
        )
    notice = PaymentNotice(content)
    if not notice.is_valid():
        raise CallbackRefused(HTTPStatus.BAD_REQUEST, notice.first_error())
    return notice.cleaned_data

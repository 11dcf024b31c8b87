"""SMS through an HTTP endpoint of the provider, or one that passes them on.

The request and its signature are described in docs/messages.md.
"""

import hashlib
import hmac
import json
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from urllib.parse import urlsplit

from django.conf import settings
from django.core.serializers.json import DjangoJSONEncoder

from core.messaging.backends.base import BaseSMSBackend
from core.messaging.errors import PermanentFailure, TemporaryFailure
from core.messaging.sms import SMS

TIMEOUT_SECONDS = 10
LONGEST_RESPONSE = 65_536
LONGEST_DETAILS = 500
# The provider asks for patience; every other 4xx says that it will never do.
TEMPORARY_STATUSES = {408, 425, 429}


class SMSBackend(BaseSMSBackend):
    """Posts each message as signed JSON to ``SMS_WEBHOOK_URL``."""

    def __init__(self) -> None:
        url = urlsplit(settings.SMS_WEBHOOK_URL)
        kind = HTTPSConnection if url.scheme == "https" else HTTPConnection
        self._connection = kind(url.hostname or "", url.port, timeout=TIMEOUT_SECONDS)
        self._target = (url.path or "/") + (f"?{url.query}" if url.query else "")
        self._secret = settings.SMS_WEBHOOK_SECRET.encode()

    def open(self) -> None:
        self._connection.connect()

    def close(self) -> None:
        self._connection.close()

    def send_messages(self, messages: Sequence[SMS]) -> int:
        for message in messages:
            self._post(message)
        return len(messages)

    def _post(self, message: SMS) -> None:
        body = payload(message)
        headers = signed_headers(self._secret, body, int(time.time()))
        headers["Idempotency-Key"] = message.id
        try:
            self._connection.request("POST", self._target, body, headers)
            response = self._connection.getresponse()
            answer = response.read(LONGEST_RESPONSE + 1)
        except HTTPException as error:
            # What came back is no HTTP, or nothing did.
            raise TemporaryFailure(type(error).__name__, details=repr(error)) from error
        if len(answer) > LONGEST_RESPONSE:
            self._connection.close()
        check(response, answer)
        message.provider_id = id_in(answer)


def payload(message: SMS) -> bytes:
    content = {
        "id": message.id,
        "to": message.to,
        "text": message.body,
        "template": message.template,
        "language": message.language,
        "context": message.context,
    }
    return json.dumps(content, cls=DjangoJSONEncoder, ensure_ascii=False).encode()


def signed_headers(secret: bytes, body: bytes, timestamp: int) -> dict[str, str]:
    signed = f"{timestamp}.".encode() + body
    signature = hmac.new(secret, signed, hashlib.sha256).hexdigest()
    return {
        "Content-Type": "application/json",
        "Webhook-Timestamp": str(timestamp),
        "Webhook-Signature": f"sha256={signature}",
    }


def check(response: HTTPResponse, answer: bytes) -> None:
    status = response.status
    if 200 <= status < 300:
        return
    reason = f"HTTP {status}"
    details = f"{reason}: {answer[:LONGEST_DETAILS].decode(errors='replace')}"
    if 400 <= status < 500 and status not in TEMPORARY_STATUSES:
        raise PermanentFailure(reason, details=details)
    pause = seconds_of(response.headers.get("Retry-After", ""))
    raise TemporaryFailure(reason, details=details, retry_after=pause)


def seconds_of(retry_after: str) -> float:
    """Read Retry-After, which is a number of seconds or a date."""
    if retry_after.isascii() and retry_after.isdigit():
        return float(retry_after)
    try:
        moment = parsedate_to_datetime(retry_after)
    except ValueError:
        return 0
    if moment.tzinfo is None:
        return 0
    return max(0.0, (moment - datetime.now(UTC)).total_seconds())


def id_in(answer: bytes) -> str:
    """Read the provider's id for a message from the JSON of its answer, if any."""
    try:
        found = json.loads(answer)
    except (ValueError, RecursionError):
        # The message has been accepted, whatever was said about it.
        return ""
    value = found.get("id") if isinstance(found, dict) else None
    return str(value) if isinstance(value, str | int) else ""

"""One message to its outlet, and what a failure of it means."""

import logging
import smtplib
import traceback
from collections.abc import Callable
from email.utils import parseaddr
from typing import Any

from django.conf import settings
from django.core import mail
from django.core.mail import EmailMultiAlternatives

from core.messaging import sms
from core.messaging.errors import PermanentFailure, SendingFailed, TemporaryFailure
from core.messaging.models import Message

LONGEST_PROVIDER_ID = 200

logger = logging.getLogger(__name__)


class Outlet:
    """A connection to whoever passes messages on, opened when it is first needed."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self._is_open = False
        self._unreachable: SendingFailed | None = None

    def send(self, message: Message) -> str:
        """Send and give the provider's id; raise SendingFailed."""
        self._open()
        try:
            return self._send(message)
        except PermanentFailure:
            raise
        except SendingFailed:
            # It may be the connection that is broken.
            self.close()
            raise

    def close(self) -> None:
        self._is_open = False
        try:
            self._connection.close()
        except (OSError, smtplib.SMTPException) as error:
            # What was sent is sent, whether or not it takes leave politely.
            logger.info("closing an outlet: %s", type(error).__name__)

    def _open(self) -> None:
        if self._is_open:
            return
        if self._unreachable is None:
            try:
                self._connection.open()
                self._is_open = True
                return
            except Exception as error:  # noqa: BLE001 (becomes the message's own)
                self._unreachable = failure_of(error)
                self.close()
        # Nobody waits once more for each message of the batch.
        raise self._unreachable

    def _send(self, message: Message) -> str:
        try:
            return self.transmit(message)
        except Exception as error:
            raise failure_of(error) from error

    def transmit(self, message: Message) -> str:
        raise NotImplementedError


class SMSOutlet(Outlet):
    def __init__(self) -> None:
        super().__init__(sms.get_connection())

    def transmit(self, message: Message) -> str:
        text = sms.SMS(
            id=str(message.uuid),
            to=message.to,
            body=message.body,
            template=message.template,
            language=message.language,
            context=message.context,
        )
        self._connection.send_messages([text])
        return text.provider_id if _is_storable(text.provider_id) else ""


class EmailOutlet(Outlet):
    def __init__(self) -> None:
        super().__init__(mail.get_connection())

    def transmit(self, message: Message) -> str:
        self._connection.send_messages([as_email(message)])
        return ""


OUTLETS: dict[str, Callable[[], Outlet]] = {
    Message.Channel.SMS: SMSOutlet,
    Message.Channel.EMAIL: EmailOutlet,
}


def _is_storable(provider_id: object) -> bool:
    """Tell whether the column takes it: what was sent must not fail after that."""
    return (
        isinstance(provider_id, str)
        and len(provider_id) <= LONGEST_PROVIDER_ID
        and provider_id.isprintable()
    )


def as_email(message: Message) -> EmailMultiAlternatives:
    email = EmailMultiAlternatives(
        subject=message.subject,
        body=message.body,
        from_email=settings.DEFAULT_FROM_EMAIL,
        to=[message.to],
        # The same at every attempt, on whatever machine: a second copy is known as one.
        headers={"Message-ID": f"<{message.uuid}@{_domain_of_sender()}>"},
    )
    if message.html:
        email.attach_alternative(message.html, "text/html")
    return email


def _domain_of_sender() -> str:
    return parseaddr(settings.DEFAULT_FROM_EMAIL)[1].rpartition("@")[2] or "localhost"


def failure_of(error: Exception) -> SendingFailed:
    """Say in the worker's terms what a backend has raised."""
    name = type(error).__name__
    match error:
        case SendingFailed():
            return error
        case smtplib.SMTPRecipientsRefused(recipients=refused):
            code, text = next(iter(refused.values()))
            return _smtp_failure(name, code, text, may_be_permanent=True)
        case smtplib.SMTPResponseException(smtp_code=code, smtp_error=text):
            # Of the message itself only the data; a password or sender that is
            # refused is the site's to mend, and the messages wait for it.
            is_data = isinstance(error, smtplib.SMTPDataError)
            return _smtp_failure(name, code, text, may_be_permanent=is_data)
        case OSError():
            return TemporaryFailure(name, details=repr(error))
    # A defect, perhaps mended by the next release: kept where it can be read.
    return TemporaryFailure(
        f"unexpected {name}", details="".join(traceback.format_exception(error))
    )


def _smtp_failure(
    name: str, code: int, text: Any, *, may_be_permanent: bool
) -> SendingFailed:
    words = text.decode(errors="replace") if isinstance(text, bytes) else str(text)
    reason, details = f"{name} {code}", f"SMTP {code}: {words}"
    if may_be_permanent and 500 <= code < 600:
        return PermanentFailure(reason, details=details)
    return TemporaryFailure(reason, details=details)

"""Enqueueing: one row in the caller's transaction, delivered after its commit."""

import json
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any

from django.conf import settings
from django.core.serializers.json import DjangoJSONEncoder
from django.db import DEFAULT_DB_ALIAS, IntegrityError, connections, transaction
from django.db.models import QuerySet
from django.utils.timezone import is_aware
from django.utils.translation import get_language, get_supported_language_variant

from core.messaging.clock import ServerNow
from core.messaging.courier import deliver_after_commit
from core.messaging.errors import InvalidMessage
from core.messaging.models import Message
from core.messaging.recipients import check_address, check_phone
from core.messaging.rendering import Text, render_email, render_sms

LONGEST_KEY = 200
# Keeps a statement below the 16 MiB that servers accept by default.
DRAFTS_PER_STATEMENT = 200

Status = Message.Status


def send_sms(
    to: str,
    template: str,
    context: Mapping[str, Any] | None = None,
    *,
    language: str | None = None,
    not_before: datetime | None = None,
    dedupe_key: str | None = None,
    using: str = DEFAULT_DB_ALIAS,
) -> Message:
    """Enqueue an SMS to an international number; give the message.

    It is sent after the commit, and not at all after a rollback. ``context`` has
    plain values, as JSON knows them, and dates. ``dedupe_key`` names the occasion: a
    second call with it gives the first call's message and sends nothing. Raises
    InvalidMessage, before anything is written, for what cannot be sent.
    """
    details = {"language": language, "not_before": not_before, "dedupe_key": dedupe_key}
    return _enqueue(draft_sms(to, template, context, **details), using)


def send_email(
    to: str,
    template: str,
    context: Mapping[str, Any] | None = None,
    *,
    language: str | None = None,
    not_before: datetime | None = None,
    dedupe_key: str | None = None,
    using: str = DEFAULT_DB_ALIAS,
) -> Message:
    """Enqueue an e-mail to one address; otherwise as ``send_sms``."""
    details = {"language": language, "not_before": not_before, "dedupe_key": dedupe_key}
    return _enqueue(draft_email(to, template, context, **details), using)


def send_many(drafts: Iterable[Message], *, using: str = DEFAULT_DB_ALIAS) -> None:
    """Enqueue drafts, hundreds per statement; leave out those whose key is taken."""
    rows = list(drafts)
    if not rows:
        return
    with transaction.atomic(using=using):
        Message.objects.using(using).bulk_create(
            rows, batch_size=DRAFTS_PER_STATEMENT, ignore_conflicts=True
        )
        deliver_after_commit(using)


def draft_sms(
    to: str,
    template: str,
    context: Mapping[str, Any] | None = None,
    **details: Any,
) -> Message:
    """Check and render an SMS for ``send_many()``; arguments of ``send_sms()``."""
    check_phone(to)
    return _draft(Message.Channel.SMS, to, template, context, render_sms, **details)


def draft_email(
    to: str,
    template: str,
    context: Mapping[str, Any] | None = None,
    **details: Any,
) -> Message:
    """Check and render an e-mail for ``send_many()``; arguments of ``send_email()``."""
    check_address(to)
    return _draft(Message.Channel.EMAIL, to, template, context, render_email, **details)


def cancel_messages(*, dedupe_key: str, using: str = DEFAULT_DB_ALIAS) -> int:
    """Withdraw, with the caller's commit, what no worker has begun to send.

    Gives how many messages that were. The key stays taken.
    """
    return cancel(Message.objects.using(using).filter(dedupe_key=dedupe_key))


def cancel(messages: QuerySet[Message]) -> int:
    """Cancel those that are queued."""
    queued = messages.filter(status=Status.QUEUED)
    return queued.update(status=Status.CANCELLED, not_before=None)


def send_again(messages: QuerySet[Message]) -> int:
    """Queue those given up or cancelled once more, and copies of those sent."""
    with transaction.atomic(using=messages.db):
        sent = [_copy(message) for message in messages.filter(status=Status.SENT)]
        Message.objects.using(messages.db).bulk_create(sent)
        ended = messages.filter(status__in=[Status.DEAD, Status.CANCELLED])
        renewed = ended.update(
            status=Status.QUEUED, not_before=ServerNow(), attempts=0, last_error=""
        )
        deliver_after_commit(messages.db)
    return len(sent) + renewed


def _copy(message: Message) -> Message:
    return Message(
        channel=message.channel,
        to=message.to,
        template=message.template,
        context=message.context,
        language=message.language,
        subject=message.subject,
        body=message.body,
        html=message.html,
    )


def _draft(
    channel: Message.Channel,
    to: str,
    template: str,
    context: Mapping[str, Any] | None,
    render: Callable[[str, Mapping[str, Any], str], Text],
    *,
    language: str | None = None,
    not_before: datetime | None = None,
    dedupe_key: str | None = None,
) -> Message:
    language = _language(language)
    text = render(template, context or {}, language)
    message = Message(
        channel=channel,
        to=to,
        template=template,
        context=_plain_values(context or {}),
        language=language,
        subject=text.subject,
        body=text.body,
        html=text.html,
    )
    if not_before is not None:
        message.not_before = _aware(not_before)
    if dedupe_key is not None:
        message.dedupe_key = _checked_key(dedupe_key)
    return message


def _language(language: str | None) -> str:
    wanted = language or get_language() or settings.LANGUAGE_CODE
    try:
        return get_supported_language_variant(wanted)
    except LookupError:
        raise InvalidMessage(
            f"The language of the message is {wanted!r}: expected one in LANGUAGES."
        ) from None


def _plain_values(context: Mapping[str, Any]) -> dict[str, Any]:
    """Give the context as the provider may get it, for templates of its own."""
    for name, value in context.items():
        try:
            json.dumps({name: value}, cls=DjangoJSONEncoder, allow_nan=False)
        except (TypeError, ValueError):
            raise InvalidMessage(
                f"context[{name!r}] is of type {type(value).__name__}: expected plain "
                "values (text, numbers, dates, lists and dictionaries of them)."
            ) from None
    return dict(context)


def _enqueue(message: Message, using: str) -> Message:
    dedupe_key = message.dedupe_key
    if dedupe_key and (known := _with_key(dedupe_key, using).first()):
        return known
    try:
        message.save(using=using, force_insert=True)
    except IntegrityError:
        known = _committed_meanwhile(dedupe_key, using)
        if known is None:
            raise
        return known
    deliver_after_commit(using)
    return message


def _committed_meanwhile(dedupe_key: str | None, using: str) -> Message | None:
    """Find the message that took the key since we looked; None if there is none.

    MySQL and SQLite undo the statement that failed and nothing else, so that the
    caller's transaction is whole: Django is told that it may go on.
    """
    if dedupe_key is None:
        return None
    rows = _with_key(dedupe_key, using)
    if not connections[using].in_atomic_block:
        return rows.first()
    transaction.set_rollback(False, using=using)
    # The snapshot of the transaction may be older than the row, which then only a
    # locking read sees. Not at first: of two that wait for the same key, both hold
    # a shared lock on it now, and would wait for each other.
    known = rows.first() or rows.select_for_update().first()
    if known is None:
        transaction.set_rollback(True, using=using)
    return known


def _with_key(dedupe_key: str, using: str) -> QuerySet[Message]:
    return Message.objects.using(using).filter(dedupe_key=dedupe_key)


def _checked_key(key: object) -> str:
    if (
        isinstance(key, str)
        and 0 < len(key) <= LONGEST_KEY
        and key.isprintable()
        and key == key.strip()
    ):
        return key
    raise InvalidMessage(
        f"dedupe_key is {key!r}: expected 1 to {LONGEST_KEY} printable characters "
        "without spaces at the ends."
    )


def _aware(moment: object) -> datetime:
    if isinstance(moment, datetime) and is_aware(moment):
        return moment
    raise InvalidMessage(
        f"not_before is {moment!r}: expected a datetime with time zone."
    )

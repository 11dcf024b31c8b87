"""The text of a message, rendered once, when it is enqueued.

A message ``welcome`` has the templates ``messages/welcome.sms.txt`` for SMS, and
``messages/welcome.subject.txt``, ``.txt`` and, if it wants, ``.html`` for e-mail.
All languages share them: they are rendered with the recipient's language active.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.template import Context, Engine, TemplateDoesNotExist
from django.utils import translation

from core.messaging.errors import InvalidMessage

NAME = re.compile(r"[a-z0-9_]+(/[a-z0-9_]+)*")
LONGEST_NAME = 100


@dataclass(frozen=True)
class Text:
    body: str
    subject: str = ""
    html: str = ""


def render_sms(name: str, context: Mapping[str, Any], language: str) -> Text:
    with translation.override(language):
        return _checked(name, Text(body=_plain(name, "sms.txt", context)))


def render_email(name: str, context: Mapping[str, Any], language: str) -> Text:
    with translation.override(language):
        text = Text(
            # One line, whatever the context contains: it becomes a header.
            subject=" ".join(_plain(name, "subject.txt", context).split()),
            body=_plain(name, "txt", context),
            html=_html(name, context),
        )
        return _checked(name, text)


def _plain(name: str, suffix: str, context: Mapping[str, Any]) -> str:
    file = _file(name, suffix)
    try:
        template = Engine.get_default().get_template(file)
    except TemplateDoesNotExist:
        raise InvalidMessage(
            f"There is no message {name!r}: expected a template {file}."
        ) from None
    return template.render(Context(dict(context), autoescape=False)).strip()


def _html(name: str, context: Mapping[str, Any]) -> str:
    try:
        template = Engine.get_default().get_template(_file(name, "html"))
    except TemplateDoesNotExist:
        return ""
    return template.render(Context(dict(context))).strip()


def _file(name: str, suffix: str) -> str:
    if not NAME.fullmatch(name) or len(name) > LONGEST_NAME:
        raise InvalidMessage(
            f"The name of the message is {name!r}: expected lower-case letters, "
            "digits, _ and /, such as welcome."
        )
    return f"messages/{name}.{suffix}"


def _checked(name: str, text: Text) -> Text:
    if "\0" in text.subject + text.body + text.html:
        raise InvalidMessage(
            f"The text of the message {name!r} contains a NUL character."
        )
    return text

"""Choices of a field, by value or by label in any language of the site."""

from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import override

from core.importing.converting.cells import Parser
from core.importing.converting.texts import text_parser
from core.importing.errors import BadCell, Reason, did_you_mean, quoted
from core.importing.names import normalised
from core.importing.reading import Kind
from core.importing.targets.fields import AnyField

LISTED_CHOICES = 10


def choice_parser(field: AnyField, kind: Kind, digits: int) -> Parser:
    values = _values_by_name(field)
    names = [
        str(label) for value, label in field.flatchoices if value not in (None, "")
    ]
    to_text = text_parser(kind, digits)

    def parse(text: str) -> Any:
        name = to_text(text)
        if normalised(name) in values:
            return values[normalised(name)]
        raise BadCell(Reason.UNKNOWN_CHOICE, _unknown_choice(name, names))

    return parse


def _values_by_name(field: AnyField) -> Mapping[str, Any]:
    """Map value and label in every language, normalised, to the choice's value.

    A value wins over a label; a label that two choices share means neither.
    """
    labels: dict[str, set[Any]] = {}
    for code, _name in settings.LANGUAGES:
        with override(code):
            for value, label in field.flatchoices:
                labels.setdefault(normalised(str(label)), set()).add(value)
    choices = {
        name: values.pop() for name, values in labels.items() if len(values) == 1
    }
    choices |= {normalised(str(value)): value for value, _label in field.flatchoices}
    return {name: value for name, value in choices.items() if value not in (None, "")}


def _unknown_choice(text: str, names: list[str]) -> str:
    if suggestion := did_you_mean(text, names):
        return _('unknown %(value)s; did you mean "%(suggestion)s"?') % {
            "value": quoted(text),
            "suggestion": suggestion,
        }
    listed = ", ".join(names[:LISTED_CHOICES])
    if len(names) > LISTED_CHOICES:
        listed += ", …"
    return _("unknown %(value)s; expected one of: %(names)s.") % {
        "value": quoted(text),
        "names": listed,
    }

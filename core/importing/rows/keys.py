"""The key that tells which row of the table a row of the sheet means."""

from django.utils.translation import gettext as _

from core.importing.errors import ImportFailed
from core.importing.headers import Header, Names
from core.importing.request import ImportRequest
from core.importing.targets.fields import AnyField, natural_key
from core.importing.targets.target import Target


def key_of(
    target: Target, request: ImportRequest, header: Header
) -> tuple[AnyField, ...]:
    """Give the fields of the key, none if the mode needs none.

    Only a unique key will do: with any other, one row of the sheet could mean
    several of the table, and two writers at once could add the same row twice.
    """
    if not request.mode.needs_key:
        return ()
    if request.key:
        return _named_key(target, request, header)
    present = set(header.fields)
    preferred = natural_key(target.model) if target.is_modelled else None
    if preferred in present:
        return (preferred,)
    for key in _unique_keys(target):
        if present.issuperset(key):
            return key
    raise ImportFailed(
        _(
            "%(table)s: the mode %(mode)s needs the columns of a unique key; expected "
            "%(keys)s."
        )
        % _parts(target, request)
    )


def _named_key(
    target: Target, request: ImportRequest, header: Header
) -> tuple[AnyField, ...]:
    names = Names(target)
    fields = tuple(names.field(name) for name in request.key)
    if set(fields) not in [set(key) for key in _unique_keys(target)]:
        message = _("%(table)s: %(key)s is no unique key; expected %(keys)s.")
    elif not set(header.fields).issuperset(fields):
        message = _("%(table)s: the sheet lacks a column of the key %(key)s.")
    else:
        return fields
    raise ImportFailed(message % _parts(target, request))


def _parts(target: Target, request: ImportRequest) -> dict[str, str]:
    keys = [",".join(field.name for field in key) for key in _unique_keys(target)]
    return {
        "table": target.label,
        "mode": request.mode.value,
        "key": ",".join(request.key),
        "keys": _(" or ").join(keys) or _("a table with a unique key"),
    }


def _unique_keys(target: Target) -> list[tuple[AnyField, ...]]:
    return [rule.fields for rule in target.unique_rules if rule.condition is None]

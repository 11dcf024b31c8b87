"""Tags, and the stamps behind them.

A tag names what a cached value shows: ``articles.article`` any article,
``articles.article:42`` one of them. Three stamps per model make that exact:

=====================  ==========================  ===========================
a value that shows     is void when one changes of  a change of it gives new
=====================  ==========================  ===========================
``articles.article``   ``articles.article``         ``articles.article`` and
                                                    ``articles.article:*``
``articles.article:42``  ``articles.article:42``    ``articles.article:42`` and
                       ``articles.article:*``       ``articles.article``
=====================  ==========================  ===========================

So a changed row leaves the pages of other rows alone, a change of unknown rows
(bulk, raw SQL) leaves none, and a list is void either way. Every value depends on
the stamp ``*`` too. A memoized function has tags of the same shape: its dotted
name with ``()``, and the hash of its arguments for the row.
"""

from collections.abc import Iterable, Iterator
from functools import lru_cache

from django.apps import apps
from django.core.exceptions import ImproperlyConfigured
from django.db.models import Model

EVERYTHING = "*"
MOST_TAGS = 16


def tags_of(*subjects: Model | type[Model]) -> tuple[str, ...]:
    """Name the tags of rows (with their key) and of models."""
    return tuple(
        subject._meta.label_lower
        if isinstance(subject, type)
        else f"{subject._meta.label_lower}:{subject.pk}"
        for subject in subjects
    )


def stamps_read_by(tags: Iterable[str]) -> tuple[str, ...]:
    """List the stamps that a value with these tags depends on, ``*`` first."""
    found = dict.fromkeys([EVERYTHING])
    for number, tag in enumerate(checked(tags), 1):
        if number > MOST_TAGS:
            raise ImproperlyConfigured(
                f"A cached value has more than {MOST_TAGS} tags, {tag!r} among them: "
                "name the model instead of its rows."
            )
        found.update(dict.fromkeys(_read_by(tag)))
    return tuple(found)


def stamps_changed_by(tags: Iterable[str]) -> set[str]:
    found: set[str] = set()
    for tag in checked(tags):
        for label, key in _resolve(tag):
            found |= changed_rows(label, [key] if key else None)
    return found


def changed_rows(label: str, keys: Iterable[object] | None) -> set[str]:
    """Name the stamps that change with these rows; None stands for any rows."""
    if keys is None:
        return {label, f"{label}:*"}
    return {label, *(f"{label}:{key}" for key in keys)}


@lru_cache(maxsize=4096)
def _read_by(tag: str) -> tuple[str, ...]:
    from core.caching.tracking import require_tracked

    found = []
    for label, key in _resolve(tag):
        require_tracked(label, tag)
        found += [f"{label}:{key}", f"{label}:*"] if key else [label]
    return tuple(found)


def _resolve(tag: str) -> list[tuple[str, str]]:
    """Split a tag; a model that inherits tables brings those of its parents."""
    label, _, key = tag.partition(":")
    if label == EVERYTHING or label.endswith("()"):
        return [(label, key)]
    try:
        model = apps.get_model(label)
    except (LookupError, ValueError) as error:
        raise ImproperlyConfigured(
            f"The cache tag {tag!r} names no model: expected app_label.model or "
            f"app_label.model:key ({error})."
        ) from None
    return [(table, key) for table in labels_of(model)]


def labels_of(model: type[Model]) -> list[str]:
    """Name the model behind a proxy, and the parents whose tables it shares."""
    concrete = model._meta.concrete_model or model
    models = [concrete, *concrete._meta.get_parent_list()]
    return [found._meta.label_lower for found in models if not found._meta.proxy]


def checked(tags: Iterable[str]) -> Iterator[str]:
    """Give the tags one by one; raise ImproperlyConfigured if one is no string."""
    if isinstance(tags, str):
        raise ImproperlyConfigured(
            f"Cache tags must be a list or tuple of strings, found the string {tags!r}."
        )
    for tag in tags:
        if not isinstance(tag, str) or not tag:
            raise ImproperlyConfigured(
                f"A cache tag must be a string such as articles.article, found {tag!r}."
            )
        yield tag

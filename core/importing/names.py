"""The names under which headers and cells may mention fields and choices."""

import unicodedata
from collections.abc import Iterator

from django.conf import settings
from django.utils.translation import override

from core.importing.targets.fields import AnyField


def normalised(text: str) -> str:
    """Make spellings equal that people take for the same.

    ``Published At``, ``published at`` and ``ｐｕｂｌｉｓｈｅｄ　ａｔ`` (full width) are one.
    """
    return "".join(unicodedata.normalize("NFKC", text).casefold().split())


def verbose_names(field: AnyField) -> Iterator[str]:
    """Yield the name of the field in each language of the site."""
    for code, _name in settings.LANGUAGES:
        with override(code):
            yield str(field.verbose_name)

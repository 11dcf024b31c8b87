"""Every text of the site has its Chinese translation, and the .mo file has them."""

import io
import re
import subprocess
from pathlib import Path

import pytest
from babel.messages.extract import extract
from babel.messages.mofile import read_mo
from babel.messages.pofile import read_po
from django.utils.translation.template import templatize

ROOT = Path(__file__).parents[1]
CATALOGUE = ROOT / "locale" / "zh_Hans" / "LC_MESSAGES" / "django"
KEYWORDS = {
    "_": None,
    "gettext": None,
    "gettext_lazy": None,
    "gettext_noop": None,
    "ngettext": (1, 2),
    "ngettext_lazy": (1, 2),
    "pgettext": ((1, "c"), 2),
}


def messages_of_python(path):
    with path.open("rb") as file:
        found = extract("python", file, keywords=KEYWORDS)
        return {first(message[1]) for message in found}


def messages_of_template(path):
    # What makemessages does, with an extractor that needs no GNU gettext.
    code = templatize(path.read_text(encoding="utf-8"), origin=str(path))
    found = extract("javascript", io.BytesIO(code.encode()), keywords=KEYWORDS)
    return {first(message[1]) for message in found}


def first(message):
    return message if isinstance(message, str) else message[0]


def tracked(pattern):
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", pattern]
    names = subprocess.check_output(command, cwd=ROOT, text=True).split("\n")
    return [ROOT / name for name in names if name and not name.startswith("tests/")]


@pytest.fixture(scope="module")
def translations():
    """Give msgid (singular) to msgstr."""
    with CATALOGUE.with_suffix(".po").open("rb") as file:
        catalogue = read_po(file, locale="zh_Hans_CN")
    return {
        first(message.id): first(message.string) for message in catalogue if message.id
    }


def test_every_text_is_translated(translations):
    sources = set()
    for path in tracked("*.py"):
        sources |= messages_of_python(path)
    for path in [*tracked("*.html"), *tracked("*.txt")]:
        if path.is_relative_to(ROOT / "templates"):
            sources |= messages_of_template(path)

    assert len(sources) > 50
    assert sorted(text for text in sources if not translations.get(text)) == []


def test_nothing_is_translated_that_is_not_in_the_sources_any_more(translations):
    text = "".join(
        path.read_text(encoding="utf-8")
        for pattern in ("*.py", "*.html", "*.txt")
        for path in tracked(pattern)
    )
    # What blocktranslate makes of its placeholders.
    text = re.sub(r"\{\{ (\w+) \}\}", r"%(\1)s", text)

    def appears(message):
        return message.split("\n")[0][:12] in text.replace('\\"', '"')

    assert [message for message in translations if not appears(message)] == []


def test_placeholders_survive_translation(translations):
    placeholder = re.compile(r"%\(\w+\)[sd]|%[sd]|\{\w*\}")
    for source, translation in translations.items():
        assert set(placeholder.findall(source)) == set(
            placeholder.findall(translation)
        ), source


def test_compiled_catalogue_is_current(translations):
    with CATALOGUE.with_suffix(".mo").open("rb") as file:
        compiled = {
            first(message.id): first(message.string)
            for message in read_mo(file)
            if message.id
        }

    assert compiled == translations

"""What holds for every template of the site."""

import re

import pytest
from django.conf import settings
from django.template.loader import render_to_string
from django.utils import translation

TEMPLATES = [
    path
    for folder in ("templates", "core")
    for path in sorted((settings.BASE_DIR / folder).rglob("*.html"))
]
INLINE = re.compile(
    r"<style|\sstyle=|\son\w+=|<script(?![^>]*\ssrc=)|javascript:", re.I
)


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_template_has_nothing_inline_that_the_security_policy_forbids(path):
    assert INLINE.findall(path.read_text()) == []


@pytest.mark.parametrize(
    "forbidden",
    [
        "<style>a{}</style>",
        '<p style="color:red">',
        '<a onclick="go()">',
        "<script>go()</script>",
        '<script type="module">go()</script>',
        '<a href="javascript:go()">',
    ],
)
def test_inline_code_would_be_found(forbidden):
    assert INLINE.search(forbidden)


@pytest.mark.parametrize("language", ["en", "zh-hans"])
@pytest.mark.parametrize("code", [400, 403, 404, 500, 503])
def test_error_page_needs_neither_context_nor_database(code, language):
    with translation.override(language):
        page = render_to_string(f"{code}.html")

    assert f'<html lang="{language}">' in page
    assert str(code) in page
    assert '<meta name="robots" content="noindex">' in page
    assert f'href="/{language}/"' in page

import subprocess
import sys

import pytest
from django.shortcuts import render
from django.template import TemplateDoesNotExist, engines
from django.template.response import TemplateResponse
from django.test import RequestFactory

from tests.core.web.listening import listening

pytestmark = pytest.mark.django_db

BOTH = "before_render_template", "template_rendered"


def test_page_that_extends_and_includes_is_one_render(rf):
    def noted(name, template, **named):
        return name, template.name

    with listening(*BOTH, note=noted) as heard:
        render(rf.get("/"), "articles/article_search.html")

    assert heard == [(name, "articles/article_search.html") for name in BOTH]


def test_template_response_is_one_render(rf):
    with listening(*BOTH) as heard:
        TemplateResponse(rf.get("/"), "robots.txt").render()

    assert heard == list(BOTH)


def test_receivers_see_what_context_processors_add():
    def noted(name, context, **named):
        return context["request"].path, context["name"]

    request = RequestFactory().get("/somewhere")
    with listening(*BOTH, note=noted) as heard:
        engines["django"].from_string("x").render({"name": "mei"}, request)

    assert heard == [("/somewhere", "mei")] * 2


def test_receiver_may_add_to_the_context():
    def add(name, context, **named):
        context["name"] = "mei"

    with listening("before_render_template", note=add):
        page = engines["django"].from_string("{{ name }}").render({"name": "?"})

    assert page == "mei"


def test_failed_render_is_not_announced_as_done():
    template = engines["django"].from_string("{% include missing %}")

    with listening(*BOTH) as heard, pytest.raises(TemplateDoesNotExist):
        template.render({"missing": "nowhere.html"})

    assert heard == ["before_render_template"]


@pytest.mark.parametrize("is_heard", [True, False])
def test_page_is_the_same_with_receivers_and_without(is_heard, rf):
    template = engines["django"].from_string("{{ text }}{{ request.path }}")

    with listening(*BOTH if is_heard else ()):
        page = template.render({"text": "<"}, rf.get("/x"))

    assert page == "&lt;/x"


PRODUCTION = """
import django
django.setup()
from django.template.loader import render_to_string
from core.signals import before_render_template, template_rendered

def note(*, signal, template, **kwargs):
    print("before" if signal is before_render_template else "after", template.name)

for signal in (before_render_template, template_rendered):
    signal.connect(note)
assert "search" in render_to_string("500.html")
"""


def test_page_is_announced_once_outside_of_the_test_runner():
    done = subprocess.run(
        [sys.executable, "-c", PRODUCTION], capture_output=True, text=True
    )

    assert done.stdout.splitlines() == ["before 500.html", "after 500.html"], (
        done.stderr
    )

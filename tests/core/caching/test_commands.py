from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.template import Context, Template, TemplateSyntaxError
from django.test import Client
from django.utils import translation
from django.utils.html import escape

from articles.models import Banner
from core.caching import cached, get_or_build
from core.caching.transactions import watch_statements
from tests.factories import make_banner

BANNERS = ["articles.banner"]

pytestmark = [
    pytest.mark.usefixtures("store"),
    pytest.mark.urls("tests.core.caching.urls"),
]


def run(name, *args, **options):
    out = StringIO()
    call_command(name, *args, stdout=out, stderr=StringIO(), **options)
    return out.getvalue()


@cached("test.titles", tags=BANNERS)
def titles():
    return list(Banner.objects.values_list("title", flat=True))


def change_unnoticed():
    """Write as nobody may who wants a coherent cache."""
    connection.ensure_connection()
    connection.execute_wrappers.remove(watch_statements)
    try:
        Banner.objects.update(title="unnoticed")
    finally:
        connection.execute_wrappers.insert(0, watch_statements)


def test_why_describes_a_cached_page():
    make_banner(title="one")
    assert "state   not stored" in run("cache_why", "/titles")

    Client().get("/titles")
    told = run("cache_why", "/titles")

    assert "key     view:http://testserver/titles en" in told
    assert "state   valid, built 0:00:0" in told
    assert "stamp   articles.banner " in told


def test_why_names_what_has_changed():
    banner = make_banner()
    titles()

    banner.save()
    told = run("cache_why", "test.titles")

    assert "state   void since a change" in told
    assert "changed since" in next(
        line for line in told.splitlines() if "articles.banner" in line
    )


@pytest.mark.parametrize("subject", ["/missing-page", "nothing", "/known?x=1"])
def test_why_refuses_what_is_not_cached(subject):
    with pytest.raises(CommandError, match="not cached|is neither the address"):
        run("cache_why", subject)


def test_audit_finds_values_that_differ_from_their_source():
    make_banner(title="one")
    titles()
    assert "1 of" in run("cache_audit")

    change_unnoticed()

    with pytest.raises(CommandError, match="1 cached values differ"):
        run("cache_audit")


def test_audit_recomputes_pages(redis_store):
    make_banner(title="one")
    Client().get("/titles")
    assert "1 of" in run("cache_audit")

    change_unnoticed()

    with pytest.raises(CommandError, match="1 cached values differ"):
        run("cache_audit")


def test_invalidate_voids_tags():
    calls = []

    def read():
        get_or_build("calls", lambda: calls.append(1), tags=BANNERS)

    read()
    assert run("cache_invalidate", "articles.banner") == "Voided: articles.banner.\n"
    read()
    assert run("cache_invalidate", all=True) == "Voided: everything.\n"
    read()

    assert len(calls) == 3


@pytest.mark.parametrize(
    ("args", "message"),
    [([], "Name tags"), (["articles.bannr"], "names no model")],
)
def test_invalidate_refuses_wrong_tags(args, message):
    with pytest.raises(CommandError, match=message):
        run("cache_invalidate", *args)


FRAGMENT = Template(
    "{% load caching %}"
    '{% cached 60 "list" who tags="articles.banner" %}'
    "{{ who }}: {% for b in banners.all %}{{ b.title }}{% endfor %}"
    "{% endcached %}"
)


def render(who):
    return FRAGMENT.render(Context({"who": who, "banners": Banner.objects}))


def test_fragment_is_rendered_once_per_value_and_language():
    banner = make_banner(title="<b>")
    first = render("ada")
    change_unnoticed()

    again, other = render("ada"), render("eva")
    with translation.override("zh-hans"):
        chinese = render("ada")

    assert first == again == f"ada: {escape(banner.title)}"
    assert other == "eva: unnoticed"
    assert chinese == "ada: unnoticed"


def test_fragment_follows_its_tags():
    banner = make_banner(title="old")
    render("ada")

    banner.title = "new"
    banner.save()

    assert render("ada") == "ada: new"


@pytest.mark.parametrize(
    "text",
    ["cached", "cached 60 'x'", "cached 60 tags='a'", "cached 60 'x' tags=a tags=b"],
)
def test_fragment_refuses_wrong_arguments(text):
    with pytest.raises(TemplateSyntaxError, match=r"expected \{% cached SECONDS NAME"):
        Template(f"{{% load caching %}}{{% {text} %}}{{% endcached %}}")

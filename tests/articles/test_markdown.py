import pytest

from articles.markdown import render_markdown

PAYLOADS = [
    "<script>alert(1)</script>",
    "<ScRiPt src=//evil.example/x.js></sCrIpT>",
    "<style>body{display:none}</style>",
    '<img src=x onerror="alert(1)">',
    "<svg/onload=alert(1)>",
    "<svg><a xlink:href='javascript:alert(1)'>x</a></svg>",
    '<a href="javascript:alert(1)">x</a>',
    "[x](javascript:alert(1))",
    "[x](JaVaScRiPt:alert(1))",
    "[x](&#106;avascript:alert(1))",
    "[x](java\tscript:alert(1))",
    "[x](vbscript:msgbox(1))",
    "[x](data:text/html;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==)",
    "[x]: javascript:alert(1)\n\n[x]",
    "![x](javascript:alert(1))",
    '![x](https://a.example/"onerror="alert(1))',
    '[x](https://a.example "title\' onmouseover=alert(1) ")',
    "<javascript:alert(1)>",
    "<iframe src=javascript:alert(1)></iframe>",
    "<object data=javascript:alert(1)></object>",
    "<form action=javascript:alert(1)><input type=submit></form>",
    "<math><mtext><style><img src=x onerror=alert(1)></style></mtext></math>",
    "<noscript><p title='</noscript><img src=x onerror=alert(1)>'>",
    "<div style='background:url(javascript:alert(1))'>x</div>",
    "<meta http-equiv=refresh content='0;url=javascript:alert(1)'>",
    '```html"onclick=alert(1)\nx\n```',
    "<!--><img src=x onerror=alert(1)>-->",
    "<a href='x' onclick='alert(1)'>x</a>",
    "<base href=//evil.example/>",
]
ACTIVE = {"script", "style", "svg", "iframe", "object", "form", "math", "meta", "base"}
ACTIVE |= {"input", "noscript", "div", "xss"}


def elements_of(html):
    """Parse as a browser does: what is text there is no element here."""
    from html.parser import HTMLParser

    found = []

    class Collector(HTMLParser):
        def handle_starttag(self, tag, attrs):
            found.append((tag, dict(attrs)))

    Collector().feed(html)
    return found


@pytest.mark.parametrize("payload", PAYLOADS)
def test_known_attacks_render_harmless(payload):
    for tag, attributes in elements_of(render_markdown(payload)):
        assert tag not in ACTIVE
        assert not any(name.startswith("on") or name == "style" for name in attributes)
        for address in (attributes.get("href"), attributes.get("src")):
            assert ":" not in (address or "").split("/")[0].replace("https:", "")


def test_the_sanitiser_alone_stops_raw_html():
    """The second line of defence holds if the parser let HTML through."""
    import nh3

    from articles import markdown

    html = nh3.clean(
        '<img src="x" onerror="alert(1)"><script>alert(1)</script>',
        tags=markdown.TAGS,
        attributes=markdown.ATTRIBUTES,
    )

    assert html == '<img src="x">'


def test_renders_what_articles_use():
    html = render_markdown(
        "## 标题\n\n**bold** ~~old~~ `code` [link](https://example.com/)\n\n"
        "| a | b |\n|---|---|\n| 1 | 2 |\n\n```python\nx < 1\n```\n"
    )

    assert "<h2>标题</h2>" in html
    assert "<strong>bold</strong> <s>old</s> <code>code</code>" in html
    assert '<a href="https://example.com/" rel="noopener nofollow">link</a>' in html
    assert "<td>1</td>" in html
    assert "x &lt; 1" in html

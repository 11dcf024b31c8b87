"""Markdown to HTML that is safe to show whoever wrote it."""

import nh3
from markdown_it import MarkdownIt

TAGS = {
    *("p", "br", "hr", "h1", "h2", "h3", "h4", "h5", "h6", "blockquote", "pre"),
    *("ul", "ol", "li", "em", "strong", "s", "code", "a", "img"),
    *("table", "thead", "tbody", "tr", "th", "td"),
}
ATTRIBUTES = {
    "a": {"href", "title"},
    "img": {"src", "alt", "title"},
    "ol": {"start"},
}
URL_SCHEMES = {"http", "https", "mailto"}


def render_markdown(source: str) -> str:
    """Render CommonMark with tables and strikethrough.

    Raw HTML in the source is shown as text. The result passes an allow-list
    sanitiser, so it stays harmless even if the parser had a hole.
    """
    parser = MarkdownIt("commonmark", {"html": False}).enable(
        ["table", "strikethrough"]
    )
    return nh3.clean(
        parser.render(source),
        tags=TAGS,
        attributes=ATTRIBUTES,
        url_schemes=URL_SCHEMES,
        link_rel="noopener nofollow",
        # Wide code scrolls; without a place in the tab order keys cannot do it.
        set_tag_attribute_values={"pre": {"tabindex": "0"}},
    )

from collections.abc import Iterable
from typing import Any

from django import template
from django.template.base import FilterExpression, NodeList, Parser, Token
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import get_language

from core.caching.json_values import encode
from core.caching.values import get_or_build

register = template.Library()

USAGE = '{% cached SECONDS NAME [VALUE …] tags="app_label.model …" %}'


@register.tag("cached")
def cached_tag(parser: Parser, token: Token) -> "CachedNode":
    """Cache a fragment: ``{% cached 300 "menu" user.pk tags="articles.category" %}``.

    The values and the language tell fragments of one name apart. ``tags`` is a string
    of tags or a variable with a list of them.
    """
    words = token.split_contents()[1:]
    tags = [word[5:] for word in words if word.startswith("tags=")]
    plain = [parser.compile_filter(w) for w in words if not w.startswith("tags=")]
    if len(tags) != 1 or len(plain) < 2:
        raise template.TemplateSyntaxError(
            f"{{% {token.contents} %}}: expected {USAGE}."
        )
    nodes = parser.parse(["endcached"])
    parser.delete_first_token()
    return CachedNode(nodes, parser.compile_filter(tags[0]), *plain)


class CachedNode(template.Node):
    def __init__(
        self,
        nodelist: NodeList,
        tags: FilterExpression,
        timeout: FilterExpression,
        name: FilterExpression,
        *values: FilterExpression,
    ) -> None:
        self.nodelist = nodelist
        self.tags = tags
        self.timeout = timeout
        self.name = name
        self.values = values

    def render(self, context: template.Context) -> SafeString:
        name = self.name.resolve(context)
        told = [get_language(), *(value.resolve(context) for value in self.values)]
        html: str = get_or_build(
            f"fragment:{name}:{encode(told, f'fragment:{name}').decode()}",
            lambda: str(self.nodelist.render(context)),
            tags=_words(self.tags.resolve(context)),
            timeout=self.timeout.resolve(context),
        )
        return mark_safe(html)  # noqa: S308 (rendered by the template itself)


def _words(tags: Any) -> Iterable[str]:
    return tags.split() if isinstance(tags, str) else tags

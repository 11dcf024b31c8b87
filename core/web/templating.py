"""Django's template engine, which announces each page that it renders.

``render()`` of the backend is called once per page, by views, ``TemplateResponse`` and
error pages alike; what a page extends or includes is rendered inside of it.
"""

from typing import Any

from django.http import HttpRequest
from django.template import TemplateDoesNotExist
from django.template.backends import django as backend
from django.template.context import make_context

from core.signals import before_render_template, template_rendered


class DjangoTemplates(backend.DjangoTemplates):
    def from_string(self, template_code: str) -> "Template":
        return Template(super().from_string(template_code).template, self)

    def get_template(self, template_name: str) -> "Template":
        return Template(super().get_template(template_name).template, self)


class Template(backend.Template):
    def render(
        self, context: dict[str, Any] | None = None, request: HttpRequest | None = None
    ) -> str:
        if not before_render_template.receivers and not template_rendered.receivers:
            return super().render(context, request)
        is_escaped = self.backend.engine.autoescape
        bound = make_context(context, request, autoescape=is_escaped)
        # Binding first: receivers see what the context processors add.
        with bound.bind_template(self.template):
            bound.template_name = self.template.name
            named = {"template": self.template, "context": bound}
            before_render_template.send_robust(None, **named)
            try:
                page = self.template.render(bound)
            except TemplateDoesNotExist as error:
                backend.reraise(error, self.backend)
            template_rendered.send_robust(None, **named)
        return page

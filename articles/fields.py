from typing import Any

from django.db import models

from articles.markdown import render_markdown


class RenderedMarkdownField(models.TextField):
    """Keep the HTML of another field's Markdown, rendered whenever a row is saved.

    Rendering in ``pre_save`` covers ``save()`` and ``bulk_create()`` alike.
    """

    def __init__(self, *args: Any, source: str, **kwargs: Any) -> None:
        self.source = source
        super().__init__(*args, **kwargs)

    def deconstruct(self) -> Any:
        name, path, args, kwargs = super().deconstruct()
        return name, path, args, {**kwargs, "source": self.source}

    def pre_save(self, model_instance: models.Model, add: bool) -> str:
        html = render_markdown(getattr(model_instance, self.source))
        setattr(model_instance, self.attname, html)
        return html

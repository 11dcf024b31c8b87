from django import forms
from django.utils.translation import gettext_lazy as _


class SearchForm(forms.Form):
    q = forms.CharField(
        label=_("Search"), min_length=2, max_length=100, widget=forms.SearchInput
    )


class ArticleListQuery(forms.Form):
    """The query string of ``GET /api/articles``."""

    page = forms.IntegerField(required=False, min_value=1)
    per_page = forms.IntegerField(required=False, min_value=1, max_value=100)
    category = forms.SlugField(required=False, allow_unicode=True)
    tag = forms.SlugField(required=False, allow_unicode=True)
    author = forms.CharField(required=False, max_length=150)

    @property
    def page_number(self) -> int:
        return self.cleaned_data["page"] or 1

    @property
    def page_size(self) -> int:
        return self.cleaned_data["per_page"] or 10

    def lookups(self) -> dict[str, str]:
        """Give the filters asked for: ``{"category__slug": "database"}``."""
        names = {
            "category": "category__slug",
            "tag": "tags__slug",
            "author": "author__username",
        }
        return {
            lookup: value
            for name, lookup in names.items()
            if (value := self.cleaned_data[name])
        }

    def first_error(self) -> str:
        name, messages = next(iter(self.errors.items()))
        return f"{name}={self.data[name]!r}: {messages[0]}"

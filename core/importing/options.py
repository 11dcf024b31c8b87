"""What a model may say about its imports, in a class named ``Importing``.

    class User(AbstractUser):
        class Importing:
            exclude = {"password", "is_superuser"}
            values = {"password": lambda: make_password(None)}

``exclude`` names fields that a workbook must not fill: a column for one of them is
refused. ``values`` gives, for fields without a column, a function that is called
for each row; it wins over the field's default.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Self

from django.core.exceptions import FieldDoesNotExist, ImproperlyConfigured
from django.db.models import Model


@dataclass(frozen=True)
class ImportOptions:
    exclude: Collection[str] = frozenset()
    values: Mapping[str, Callable[[], Any]] = field(default_factory=dict)

    @classmethod
    def of(cls, model: type[Model]) -> Self:
        declared = getattr(model, "Importing", None)
        known = {option.name for option in fields(cls)}
        given = {name for name in dir(declared) if not name.startswith("_")}
        if declared is None:
            return cls()
        if unknown := given - known:
            raise ImproperlyConfigured(
                f"{model.__name__}.Importing has {', '.join(sorted(unknown))}: "
                f"expected only {', '.join(sorted(known))}."
            )
        options = cls(**{name: getattr(declared, name) for name in given})
        options._check_names(model)
        return options

    def _check_names(self, model: type[Model]) -> None:
        for name in (*self.exclude, *self.values):
            try:
                model._meta.get_field(name)
            except FieldDoesNotExist:
                raise ImproperlyConfigured(
                    f"{model.__name__}.Importing names {name!r}: expected a field of "
                    "the model."
                ) from None

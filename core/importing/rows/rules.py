"""Rules of the model that look at a whole row."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.db.models import CheckConstraint, Model, Q
from django.utils.translation import gettext as _

from core.importing.errors import Reason, quoted
from core.importing.targets.conditions import (
    Condition,
    NotJudgeable,
    compiled,
    fields_of,
)
from core.importing.targets.fields import AnyField

Report = Callable[[int, Reason, str, Iterable[str]], None]


@dataclass(frozen=True, slots=True)
class Draft:
    """An instance to be; ``faulty`` names the fields that have no valid value."""

    row: int
    instance: Model
    faulty: frozenset[str]


@dataclass(frozen=True)
class Check:
    constraint: CheckConstraint
    holds: Condition
    fields: list[AnyField]

    def is_broken_by(self, draft: Draft) -> bool:
        if any(field.name in draft.faulty for field in self.fields):
            return False
        # As in SQL, a check that comes out as unknown is passed.
        return self.holds(draft.instance) is False

    def message(self, instance: Model) -> str:
        values = ", ".join(
            _("%(field)s: %(value)s")
            % {
                "field": field.verbose_name,
                "value": quoted(getattr(instance, field.attname)),
            }
            for field in self.fields
        )
        return f"{self.constraint.get_violation_error_message()} ({values})"


class RowRules:
    """``clean()`` and the check constraints of the model.

    A constraint that Python cannot judge is left to the database, which refuses the
    whole import if a row breaks it.
    """

    def __init__(self, model: type[Model], report: Report) -> None:
        self._report_problem = report
        self._checks = list(checks_of(model))

    def check(self, draft: Draft) -> None:
        if not draft.faulty:
            self._clean(draft)
        for check in self._checks:
            if check.is_broken_by(draft):
                names = [field.name for field in check.fields]
                message = check.message(draft.instance)
                self._report(draft, message, names)

    def _clean(self, draft: Draft) -> None:
        try:
            draft.instance.clean()
        except ValidationError as error:
            for name, messages in _by_field(error).items():
                self._report(draft, " ".join(messages), [name])

    def _report(self, draft: Draft, message: str, fields: list[str]) -> None:
        self._report_problem(draft.row, Reason.RULE, message, fields)


def checks_of(model: type[Model]) -> Iterable[Check]:
    concrete = model._meta.concrete_model or model
    for constraint in concrete._meta.constraints:
        if not isinstance(constraint, CheckConstraint):
            continue
        condition = constraint.condition
        if not isinstance(condition, Q):
            continue
        try:
            holds = compiled(condition, concrete)
            names = fields_of(condition, concrete)
        except NotJudgeable:
            continue
        fields = [field for field in concrete._meta.fields if field.name in names]
        yield Check(constraint, holds, fields)


def _by_field(error: ValidationError) -> dict[str, list[str]]:
    if hasattr(error, "error_dict"):
        return error.message_dict
    return {NON_FIELD_ERRORS: error.messages}

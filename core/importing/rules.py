"""Rules of the model that look at a whole row."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.db.models import CheckConstraint, Model, Q
from django.utils.translation import gettext as _

from core.importing.conditions import Condition, NotJudgeable, compiled, fields_of
from core.importing.drafts import Draft
from core.importing.errors import Problem, Problems, Reason, quoted
from core.importing.fields import AnyField
from core.importing.headers import Column


class Places:
    """Finds the cell of a row that a fault of some fields belongs to."""

    def __init__(self, columns: Iterable[Column]) -> None:
        self._columns = {column.field.name: column for column in columns}

    def problem(
        self, reason: Reason, message: str, row: int, fields: Iterable[str]
    ) -> Problem:
        for name in fields:
            if column := self._columns.get(name):
                return Problem(reason, message, row, column.index, column.header)
        return Problem(reason, message, row)


@dataclass(frozen=True)
class _Check:
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

    def __init__(self, model: type[Model], places: Places, problems: Problems) -> None:
        self._places = places
        self._problems = problems
        self._checks = list(_checks(model))

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
        self._problems.add(
            self._places.problem(Reason.RULE, message, draft.row, fields)
        )


def _checks(model: type[Model]) -> Iterable[_Check]:
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
        yield _Check(constraint, holds, fields)


def _by_field(error: ValidationError) -> dict[str, list[str]]:
    if hasattr(error, "error_dict"):
        return error.message_dict
    return {NON_FIELD_ERRORS: error.messages}

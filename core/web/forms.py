"""Rules of a field in WTForms' order, on Django's forms.

Django says every validator that failed, but then leaves out ``clean_<name>()``, and a
validator cannot end the list. With ``ChainedRules``, after the validators comes the
hook ``validate_<name>(self, field)``, whether one of them failed or not; whoever
raises ``StopValidation`` ends the field's chain; the messages stand in this order. As
with WTForms' ``DataRequired``, nothing more is said of a required field left blank.

    class LoginForm(ChainedRules, forms.Form):
        name = forms.CharField(validators=[MinLengthValidator(6)])

        def validate_name(self, field):
            if not field.data.startswith("old"):
                raise forms.ValidationError("The name must begin with old.")
"""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.forms.utils import ErrorList


class StopValidation(ValidationError):
    """Ends the rules of a field; without a message, and silently."""

    def __init__(
        self, message: Any = "", code: str | None = None, params: Any = None
    ) -> None:
        super().__init__(message, code, params)


class DataRequired:
    """Validator for text that is not stripped: blanks alone are no value."""

    def __init__(self, message: Any) -> None:
        self.message = message

    def __call__(self, value: str) -> None:
        if not value.strip():
            raise StopValidation(self.message, code="required")


class ChainedRules(forms.BaseForm):
    """Mixin, to stand before ``forms.Form`` or ``forms.ModelForm``."""

    def clean(self) -> dict[str, Any] | None:
        # Every field has been converted and validated by now, so a hook may look
        # at the others, too.
        for name in self.fields:
            if not self._is_stopped(name):
                self._run_hook(name)
        return super().clean()

    def _is_stopped(self, name: str) -> bool:
        """Tell whether a validator has ended the chain; drop what came after it.

        Django has run those as well: as they look at nothing but the value, only
        their messages tell.
        """
        errors = self.errors.get(name, ErrorList())
        for index, error in enumerate(errors.as_data()):
            if isinstance(error, StopValidation) or error.code == "required":
                del errors.data[index + bool(error.message) :]
                if not errors:
                    self._accept(name)
                return True
        return False

    def _accept(self, name: str) -> None:
        """Keep the value of a field that was stopped silently before any fault."""
        self.errors.pop(name)
        self.cleaned_data[name] = self.fields[name].to_python(self[name].data)

    def _run_hook(self, name: str) -> None:
        hook = getattr(self, f"validate_{name}", None)
        if hook is None:
            return
        try:
            hook(self[name])
        except StopValidation as error:
            if error.message:
                self.add_error(name, error)
        except ValidationError as error:
            self.add_error(name, error)


class FormControls(forms.BaseForm):
    """Mixin that gives inputs the class of the stylesheet."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            if isinstance(field.widget, forms.widgets.Input | forms.Select):
                field.widget.attrs.setdefault("class", "form-control")

import math
import uuid
from datetime import timedelta
from typing import Any

from django import forms
from django.contrib.auth import forms as auth_forms
from django.contrib.auth.tokens import default_token_generator
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import HttpRequest
from django.urls import reverse
from django.utils.functional import lazy
from django.utils.http import urlsafe_base64_encode
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from accounts import messages
from accounts.backends import attempt_of, find_user
from accounts.models import Plan, User
from accounts.passwords import MAX_LENGTH, MIN_LENGTH
from core.web.forms import ChainedRules, DataRequired, FormControls

USERNAME_MIN, USERNAME_MAX = 6, 18

USERNAME_MISSING = _("The username must not be empty.")
PASSWORD_MISSING = _("The password must not be empty.")
PASSWORD_ATTRS = {
    "minlength": MIN_LENGTH,
    "maxlength": MAX_LENGTH,
    "placeholder": _("Enter your password"),
}


def _username_length() -> str:
    text = gettext("The username needs %(min)d to %(max)d characters.")
    return text % {"min": USERNAME_MIN, "max": USERNAME_MAX}


class SignUpForm(FormControls, ChainedRules, auth_forms.UserCreationForm):
    """The rules of names hold for sign-up alone: names that exist go on working."""

    username = auth_forms.UsernameField(
        label=_("Username"),
        min_length=USERNAME_MIN,
        max_length=USERNAME_MAX,
        validators=[User.username_validator],
        widget=forms.TextInput(attrs={"placeholder": _("Enter your username")}),
        error_messages={
            "required": USERNAME_MISSING,
            "min_length": lazy(_username_length, str)(),
            "max_length": lazy(_username_length, str)(),
        },
        help_text=_("Letters, digits and @ . + - _"),
    )

    class Meta:
        model = User
        fields = ["username", "email", "phone", "department"]
        widgets = {
            "email": forms.EmailInput(attrs={"autocomplete": "email"}),
            "phone": forms.TextInput(attrs={"type": "tel", "autocomplete": "tel"}),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in ("password1", "password2"):
            field = self.fields[name]
            field.widget.attrs |= PASSWORD_ATTRS
            field.error_messages["required"] = PASSWORD_MISSING
            field.validators.insert(0, DataRequired(PASSWORD_MISSING))

    def validate_username(self, field: forms.BoundField) -> None:
        if (field.data or "").startswith("+"):
            raise ValidationError(
                _("The username must not begin with +, as phone numbers do.")
            )

    def validate_password_for_user(self, user: User) -> None:
        # Said where the password was entered, not where it was repeated.
        super().validate_password_for_user(user, "password1")  # type: ignore[misc]


class ProfileForm(FormControls, forms.ModelForm):
    class Meta:
        model = User
        fields = ["first_name", "last_name", "email", "phone", "department"]
        widgets = {
            "first_name": forms.TextInput(attrs={"autocomplete": "given-name"}),
            "last_name": forms.TextInput(attrs={"autocomplete": "family-name"}),
            "email": forms.EmailInput(attrs={"autocomplete": "email"}),
            "phone": forms.TextInput(attrs={"type": "tel", "autocomplete": "tel"}),
        }

    def save(self, commit: bool = True) -> Any:
        # What is not in the form may have been changed by others meanwhile.
        self.instance.save(update_fields=self.Meta.fields)
        return self.instance


class LockNotice(auth_forms.AuthenticationForm):
    """Mixin that says how long attempts to log in will be refused."""

    def get_invalid_login_error(self) -> ValidationError:
        wait = self.wait()
        if not wait:
            return super().get_invalid_login_error()
        minutes = math.ceil(wait / timedelta(minutes=1))
        text = ngettext(
            "Too many failed attempts: try again in %(minutes)d minute.",
            "Too many failed attempts: try again in %(minutes)d minutes.",
            minutes,
        )
        return ValidationError(text, code="locked", params={"minutes": minutes})

    def wait(self) -> timedelta:
        name = self.cleaned_data["username"]
        return attempt_of(find_user(name), name, self.request).wait()


class LoginForm(FormControls, LockNotice):
    username = auth_forms.UsernameField(
        label=_("Username or phone"),
        max_length=150,
        widget=forms.TextInput(attrs={"placeholder": _("Enter your username")}),
        error_messages={"required": USERNAME_MISSING},
    )
    password = forms.CharField(
        label=_("Password"),
        strip=False,
        widget=forms.PasswordInput(
            attrs={
                "autocomplete": "current-password",
                "placeholder": _("Enter your password"),
            }
        ),
        error_messages={"required": PASSWORD_MISSING},
    )
    error_messages = {
        **auth_forms.AuthenticationForm.error_messages,
        "invalid_login": _("The username or the password is wrong."),
    }


class PasswordResetForm(FormControls, auth_forms.PasswordResetForm):
    def enqueue_mail(self, request: HttpRequest) -> None:
        """Enqueue a link for each account of this address.

        For an unknown address the same is done and undone: the time that the answer
        takes must not tell which addresses are known.
        """
        email = self.cleaned_data["email"]
        with transaction.atomic():
            users = list(self.get_users(email))
            for user in users or [User(pk=0, email=email)]:
                uid = urlsafe_base64_encode(str(user.pk).encode())
                token = default_token_generator.make_token(user)
                path = reverse("accounts:password_reset_confirm", args=[uid, token])
                messages.reset_password(user, link=request.build_absolute_uri(path))
            if not users:
                transaction.set_rollback(True)


class NewPasswordAttrs(auth_forms.SetPasswordForm):
    """Mixin that tells the browser the rules of new passwords."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in ("new_password1", "new_password2"):
            self.fields[name].widget.attrs |= PASSWORD_ATTRS


class SetPasswordForm(FormControls, NewPasswordAttrs):
    pass


class PasswordChangeForm(FormControls, NewPasswordAttrs, auth_forms.PasswordChangeForm):
    pass


class OrderForm(forms.Form):
    """Which plan; the token makes one order of a form that is sent twice."""

    plan = forms.ModelChoiceField(
        Plan.objects.offered(),
        label=_("Plan"),
        empty_label=None,
        widget=forms.RadioSelect,
        error_messages={
            "required": _("Choose a plan."),
            "invalid_choice": _("This plan is not offered any more: choose another."),
        },
    )
    token = forms.UUIDField(widget=forms.HiddenInput, initial=uuid.uuid4)

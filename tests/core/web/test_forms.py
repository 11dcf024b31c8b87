"""``ChainedRules`` beside the library whose way it takes over."""

import pytest
import wtforms
from django import forms
from django.http import QueryDict
from hypothesis import example, given
from hypothesis import strategies as st
from wtforms import validators

from core.web.forms import ChainedRules, DataRequired, FormControls, StopValidation

RULES = st.sampled_from(["pass", "fail", "stop", "stop silently"])


def posted(**values):
    data = QueryDict(mutable=True)
    data.update(values)
    return data


def raised(rule, message, fail, stop):
    """Carry out a rule: ``fail`` and ``stop`` are the library's exceptions."""
    if rule == "fail":
        raise fail(message)
    if rule == "stop":
        raise stop(message)
    if rule == "stop silently":
        raise stop()


def judged_by_wtforms(rules, hook, value):
    def as_validator(index, rule):
        def validate(form, field):
            raised(
                rule, str(index), validators.ValidationError, validators.StopValidation
            )

        return validate

    class Form(wtforms.Form):
        name = wtforms.StringField(
            validators=[
                validators.DataRequired("required"),
                *(as_validator(*pair) for pair in enumerate(rules)),
            ]
        )

        def validate_name(self, field):
            raised(hook, "hook", validators.ValidationError, validators.StopValidation)

    form = Form(posted(name=value))
    return form.validate(), list(form.name.errors)


def judged_by_django(rules, hook, value, *mixins):
    def as_validator(index, rule):
        def validate(value):
            raised(rule, str(index), forms.ValidationError, StopValidation)

        return validate

    class Form(*mixins, forms.Form):
        name = forms.CharField(
            strip=False,
            error_messages={"required": "required"},
            validators=[
                DataRequired("required"),
                *(as_validator(*pair) for pair in enumerate(rules)),
            ],
        )

        def validate_name(self, field):
            raised(hook, "hook", forms.ValidationError, StopValidation)

    form = Form(posted(name=value))
    return form.is_valid(), list(form.errors.get("name", []))


@given(st.lists(RULES, max_size=5), RULES, st.sampled_from(["old", " ", "", " x "]))
@example(["fail"], "fail", "old")
@example(["fail", "stop"], "fail", "old")
@example(["stop silently", "fail"], "fail", "old")
def test_judges_every_chain_of_rules_as_wtforms_does(rules, hook, value):
    expected = judged_by_wtforms(rules, hook, value)

    assert judged_by_django(rules, hook, value, ChainedRules) == expected


def test_django_alone_judges_otherwise():
    chain = ["fail", "stop", "fail"], "fail", "old"

    assert judged_by_wtforms(*chain) == (False, ["0", "1"])
    assert judged_by_django(*chain) == (False, ["0", "1", "2"])


class NameForm(FormControls, ChainedRules, forms.Form):
    """The tutorial's form with its hook, letter for letter."""

    name = forms.CharField(min_length=6)
    email = forms.EmailField(required=False)

    def validate_name(self, field):
        if not field.data.startswith("old"):
            raise forms.ValidationError("用户名必须以old开头")


def test_hook_runs_although_a_validator_failed():
    form = NameForm(posted(name="new"))

    too_short, by_hook = form.errors["name"]
    assert "at least 6 characters" in too_short
    assert by_hook == "用户名必须以old开头"
    assert "name" not in form.cleaned_data


def test_value_stopped_silently_is_kept():
    def stop(value):
        raise StopValidation

    class Form(ChainedRules, forms.Form):
        number = forms.IntegerField(validators=[stop])

    form = Form(posted(number="7"))

    assert form.is_valid()
    assert form.cleaned_data == {"number": 7}


def test_hook_sees_the_fields_that_come_after_it():
    seen = []

    class Form(NameForm):
        def validate_name(self, field):
            seen.append(self.cleaned_data["email"])

    Form(posted(name="oldest", email="a@example.com")).is_valid()

    assert seen == ["a@example.com"]


@pytest.mark.parametrize("value", ["x" * 2_000_000, "\0" * 10, "🀄" * 10])
def test_odd_values_are_judged_and_do_no_harm(value):
    assert not NameForm(posted(name=value)).is_valid()


def test_inputs_have_the_class_of_the_stylesheet():
    form = NameForm()

    assert 'class="form-control"' in str(form["name"])
    assert 'minlength="6"' in str(form["name"])

"""The rules of passwords, beside the tutorial's form on the library it uses."""

import pytest
import wtforms
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.http import QueryDict
from wtforms import validators

from accounts.passwords import MAX_LENGTH, PasswordCharacters, PasswordLength

TOO_SHORT = "The password needs at least 8 characters."
NOT_MIXED = (
    "The password needs at least 8 characters, with at least 1 upper-case letter, "
    "1 lower-case letter, 1 digit and 1 special character."
)
OTHER = (
    "The password may contain only the letters A to Z, digits and the special "
    "characters $@!%*?&."
)
# As it stands in the tutorial: it looks at the beginning of the password only.
TUTORIAL = r"^(?=.*[a-z])(?=.*[A-Z])(?=.*\d)(?=.*[$@$!%*?&])[A-Za-z\d$@$!%*?&]{8,}"


def errors_of(password):
    found = []
    for rule in (PasswordLength(), PasswordCharacters()):
        try:
            rule.validate(password)
        except ValidationError as error:
            found += error.messages
    return found


class TutorialForm(wtforms.Form):
    pwd = wtforms.PasswordField(
        validators=[
            validators.DataRequired("empty"),
            validators.Length(min=8, message=TOO_SHORT),
            validators.Regexp(TUTORIAL, message=NOT_MIXED),
        ]
    )


def errors_in_tutorial(password):
    data = QueryDict(mutable=True)
    data["pwd"] = password
    form = TutorialForm(data)
    form.validate()
    return list(form.pwd.errors)


@pytest.mark.parametrize(
    "password",
    [
        "Aa1!aaaa",
        "Aa1!aaa",
        "aa1!aaaa",
        "AA1!AAAA",
        "Aaa!aaaa",
        "Aa1aaaaa",
        "a",
        "$@!%*?&Aa1",
        "12345678",
        "Aa1!" * 32,
        "A1!",
        "abcdefgh",
    ],
)
def test_judges_as_the_tutorial_does(password):
    assert errors_of(password) == errors_in_tutorial(password)


@pytest.mark.parametrize(
    "password", ["Aa1!aaaa中文", "Aa1!aaaa ", "Aa1!aaaa\n", "Aa1!aaaa#", "Aa1!aaaa\0"]
)
def test_refuses_other_characters_that_the_tutorial_overlooks(password):
    assert errors_in_tutorial(password) == []
    assert errors_of(password) == [NOT_MIXED, OTHER]


def test_digits_of_other_scripts_are_no_digits():
    assert errors_of("Aa１!aaaa") == [NOT_MIXED, OTHER]


def test_says_every_rule_that_is_broken():
    assert errors_of("中文") == [TOO_SHORT, NOT_MIXED, OTHER]


def test_length_has_a_limit():
    longest = "Aa1!" * (MAX_LENGTH // 4)

    assert errors_of(longest) == []
    assert errors_of(longest + "a") == ["The password may have at most 128 characters."]


def test_megabytes_are_judged_in_no_time():
    assert errors_of("Aa1!" * 1_000_000) != []


def test_common_passwords_are_refused_even_if_they_are_mixed():
    with pytest.raises(ValidationError) as caught:
        validate_password("P@ssw0rd")

    assert caught.value.messages == ["This password is too common."]

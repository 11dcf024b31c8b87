"""Visiting the pages of accounts."""

PASSWORD = "Zx9!kwtr"
LOGIN = "/en/accounts/login/"
SIGN_UP = "/en/accounts/sign-up/"
PROFILE = "/en/accounts/profile/"
RESET = "/en/accounts/password/reset/"


def text_of(response):
    return response.content.decode()


def errors_of(response):
    return {
        name: list(errors) for name, errors in response.context["form"].errors.items()
    }


def sign_up(client, **overrides):
    values = {
        "username": "lqzlqz",
        "password1": PASSWORD,
        "password2": PASSWORD,
    } | overrides
    return client.post(SIGN_UP, values)


def log_in(client, username="lqz", password=PASSWORD, **extra):
    return client.post(LOGIN, {"username": username, "password": password} | extra)

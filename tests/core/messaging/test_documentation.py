"""docs/messages.md says what the code does."""

import re
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from core.messaging.backends.webhook import payload, signed_headers
from core.messaging.options import Options
from core.messaging.sms import SMS

PAGE = (Path(__file__).parents[3] / "docs/messages.md").read_text(encoding="utf-8")


def code_with(text):
    """Run the example of the page that contains the text; give what it defines."""
    (example,) = [
        c for c in re.findall(r"```python\n(.+?)```", PAGE, re.S) if text in c
    ]
    names = {}
    exec(example, names)
    return names


@pytest.mark.parametrize(
    ("secret", "change", "is_accepted"),
    [(b"secret", b"", True), (b"secret", b" ", False), (b"other", b"", False)],
)
def test_signature_is_verified_as_described(secret, change, is_accepted):
    body = payload(SMS(id="1", to="+8613800138000", body="砚"))
    headers = signed_headers(b"secret", body, int(time.time()))

    is_genuine = code_with("def is_genuine")["is_genuine"]

    assert is_genuine(secret, headers, body + change) is is_accepted


def test_old_request_is_refused_as_described():
    headers = signed_headers(b"secret", b"{}", 1_767_225_600)

    assert not code_with("def is_genuine")["is_genuine"](b"secret", headers, b"{}")


def test_backend_of_the_example_works():
    example = code_with("class AcmeBackend")
    answer = SimpleNamespace(is_unknown_number=False, id="17")
    example["acme"] = SimpleNamespace(send=lambda *args, **kwargs: answer)
    message = SMS(id="1", to="+8613800138000", body="Hello")

    assert example["AcmeBackend"]().send_messages([message]) == 1
    assert message.provider_id == "17"


@pytest.mark.parametrize("name", ["lease_seconds", "max_attempts", "hourly_limit"])
def test_every_option_is_listed_with_its_default(name):
    default = re.search(rf"^\| `MESSAGES_{name.upper()}` \| (\d+)", PAGE, re.M)

    assert default
    assert float(default[1]) == getattr(Options(), name)

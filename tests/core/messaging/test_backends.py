"""What every SMS backend keeps to, and what the webhook sends."""

import hashlib
import hmac
import json
import os
import threading
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from django.core.checks import run_checks

from core.messaging import sms
from core.messaging.backends import webhook
from core.messaging.errors import PermanentFailure, TemporaryFailure

SECRET = "s" * 40
BACKENDS = ["console", "file", "locmem", "dummy", "webhook"]


def make_sms(number=1, **values):
    text = {"id": f"id-{number}", "to": "+8613800138000", "body": f"Hello 砚 {number}"}
    return sms.SMS(**text | values)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.requests.append((self.path, dict(self.headers), body))
        self.server.connections.add(self.client_address)
        answers = self.server.answers
        status, headers, answer = answers.pop(0) if answers else (202, {}, b"")
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *args):
        pass


class Server(ThreadingHTTPServer):
    def handle_error(self, request, client_address):
        """Be quiet about clients that hang up."""


@pytest.fixture
def endpoint(settings):
    """An HTTP endpoint of a provider; ``answers`` has what it says next."""
    with Server(("127.0.0.1", 0), Handler) as server:
        server.requests, server.answers, server.connections = [], [], set()
        threading.Thread(target=server.serve_forever, args=[0.01]).start()
        settings.SMS_WEBHOOK_URL = f"http://127.0.0.1:{server.server_port}/sms?key=1"
        settings.SMS_WEBHOOK_SECRET = SECRET
        settings.SMS_BACKEND = "core.messaging.backends.webhook.SMSBackend"
        yield server
        server.shutdown()


@pytest.fixture(params=BACKENDS)
def accepted(request, settings, tmp_path, capsys, sms_outbox):
    """Set up each backend in turn; gives what tells whether it accepted a text."""
    settings.SMS_BACKEND = f"core.messaging.backends.{request.param}.SMSBackend"
    settings.SMS_FILE_PATH = str(tmp_path / "sms")
    if request.param == "webhook":
        server = request.getfixturevalue("endpoint")
        return lambda body: body in [json.loads(r[2])["text"] for r in server.requests]
    if request.param == "file":
        return lambda body: body in (tmp_path / "sms").read_text(encoding="utf-8")
    if request.param == "locmem":
        return lambda body: body in [message.body for message in sms_outbox]
    if request.param == "console":
        written = []
        return lambda body: (
            written.append(capsys.readouterr().out) or body in "".join(written)
        )
    return lambda body: True


def connected(action):
    backend = sms.get_connection()
    backend.open()
    try:
        return action(backend)
    finally:
        backend.close()


def test_backend_sends_all_it_is_given(accepted):
    messages = [make_sms(1), make_sms(2)]

    assert connected(lambda backend: backend.send_messages(messages)) == 2
    assert accepted("Hello 砚 1")
    assert accepted("Hello 砚 2")


def test_backend_sends_again_after_it_was_closed(accepted):
    backend = sms.get_connection()
    for number in (1, 2):
        backend.open()
        backend.send_messages([make_sms(number)])
        backend.close()

    assert accepted("Hello 砚 1")
    assert accepted("Hello 砚 2")


def test_backend_may_be_closed_unopened_and_twice(accepted):
    backend = sms.get_connection()

    backend.close()
    backend.close()


def test_backend_sends_nothing_if_there_is_nothing(accepted):
    assert connected(lambda backend: backend.send_messages([])) == 0


def test_backend_leaves_the_message_as_it_is(accepted):
    message = make_sms(context={"name": "Mei"})

    connected(lambda backend: backend.send_messages([message]))

    assert message == make_sms(context={"name": "Mei"})


def test_file_is_its_owners(settings, tmp_path):
    settings.SMS_BACKEND = "core.messaging.backends.file.SMSBackend"
    settings.SMS_FILE_PATH = str(tmp_path / "sms")

    connected(lambda backend: backend.send_messages([make_sms()]))

    assert os.stat(tmp_path / "sms").st_mode & 0o777 == 0o600


def test_outbox_keeps_copies(sms_outbox, settings):
    message = make_sms()
    connected(lambda backend: backend.send_messages([message]))

    message.body = "changed"

    assert sms_outbox[0].body == "Hello 砚 1"


def post(*messages):
    connected(lambda backend: backend.send_messages(messages))


def test_webhook_posts_signed_json(endpoint):
    post(make_sms(template="welcome", language="en", context={"name": "Mei"}))

    path, headers, body = endpoint.requests[0]
    assert path == "/sms?key=1"
    assert headers["Content-Type"] == "application/json"
    assert headers["Idempotency-Key"] == "id-1"
    assert json.loads(body) == {
        "id": "id-1",
        "to": "+8613800138000",
        "text": "Hello 砚 1",
        "template": "welcome",
        "language": "en",
        "context": {"name": "Mei"},
    }
    signed = headers["Webhook-Timestamp"].encode() + b"." + body
    digest = hmac.new(SECRET.encode(), signed, hashlib.sha256).hexdigest()
    assert headers["Webhook-Signature"] == f"sha256={digest}"
    sent_at = datetime.fromtimestamp(int(headers["Webhook-Timestamp"]), UTC)
    assert abs(datetime.now(UTC) - sent_at) < timedelta(minutes=5)


def test_webhook_uses_one_connection_for_a_batch(endpoint):
    post(make_sms(1), make_sms(2), make_sms(3))

    assert len(endpoint.requests) == 3
    assert len(endpoint.connections) == 1


@pytest.mark.parametrize(
    ("answer", "found"),
    [
        (b'{"id": "abc"}', "abc"),
        (b'{"id": 7}', "7"),
        (b'{"id": null}', ""),
        (b"[1]", ""),
        (b"queued", ""),
        (b"", ""),
        (b"\xff", ""),
        (b"[" * 60_000, ""),
    ],
)
def test_webhook_reads_the_providers_id(endpoint, answer, found):
    endpoint.answers.append((200, {}, answer))
    message = make_sms()

    post(message)

    assert message.provider_id == found


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 410, 413, 422])
def test_webhook_that_refuses_is_not_asked_again(endpoint, status):
    endpoint.answers.append((status, {}, b"no such number"))

    with pytest.raises(PermanentFailure) as failure:
        post(make_sms())

    assert failure.value.reason == f"HTTP {status}"
    assert failure.value.details == f"HTTP {status}: no such number"


@pytest.mark.parametrize("status", [301, 408, 425, 429, 500, 502, 503, 504])
def test_webhook_that_is_busy_is_asked_again(endpoint, status):
    endpoint.answers.append((status, {}, b"later"))

    with pytest.raises(TemporaryFailure, match=f"HTTP {status}"):
        post(make_sms())


def test_webhook_may_ask_for_patience(endpoint):
    moment = datetime.now(UTC) + timedelta(minutes=10)
    pauses = ["120", format_datetime(moment, usegmt=True), "soon", "-5", ""]
    found = []

    for pause in pauses:
        endpoint.answers.append((429, {"Retry-After": pause}, b""))
        with pytest.raises(TemporaryFailure) as failure:
            post(make_sms())
        found.append(failure.value.retry_after)

    assert found[0] == 120
    assert 500 < found[1] <= 600
    assert found[2:] == [0, 0, 0]


def test_webhook_that_answers_without_end_is_cut_off(endpoint):
    endpoint.answers += [(200, {}, b"x" * 1_000_000), (200, {}, b'{"id": "next"}')]
    messages = [make_sms(1), make_sms(2)]

    post(*messages)

    assert messages[1].provider_id == "next"
    assert len(endpoint.connections) == 2


def test_webhook_that_talks_nonsense_is_asked_again(settings, endpoint, monkeypatch):
    def talk_nonsense(handler):
        handler.wfile.write(b"220 mail.example.com ESMTP\r\n")
        handler.close_connection = True

    monkeypatch.setattr(Handler, "do_POST", talk_nonsense)

    with pytest.raises(TemporaryFailure, match="BadStatusLine"):
        post(make_sms())


def test_webhook_that_is_silent_is_not_waited_for_long(endpoint, monkeypatch):
    is_over = threading.Event()
    monkeypatch.setattr(Handler, "do_POST", lambda handler: is_over.wait(30))
    monkeypatch.setattr(webhook, "TIMEOUT_SECONDS", 0.05)

    try:
        with pytest.raises(TimeoutError):
            post(make_sms())
    finally:
        is_over.set()


def test_webhook_that_is_not_there_fails_at_once(settings, endpoint):
    settings.SMS_WEBHOOK_URL = "http://127.0.0.1:1/"

    with pytest.raises(ConnectionRefusedError):
        sms.get_connection().open()


@pytest.mark.parametrize(
    "path", ["nowhere.SMSBackend", "core.messaging.backends.console.Missing", "x"]
)
def test_backend_that_cannot_be_made_is_found_by_a_check(settings, path):
    settings.SMS_BACKEND = path

    (error,) = [e for e in run_checks() if e.id == "core.messaging.E002"]

    assert error.msg.startswith("The SMS backend cannot be made: ")


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("DELIVERY", "celery", "one of in_process, workers"),
        ("LEASE_SECONDS", 0, "a number above 0"),
        ("MAX_ATTEMPTS", True, "a whole number, 1 or more"),
        ("HOURLY_LIMIT", -1, "a whole number, 0 or more"),
    ],
)
def test_wrong_option_is_found_by_a_check(settings, name, value, expected):
    setattr(settings, f"MESSAGES_{name}", value)

    (error,) = [e for e in run_checks() if e.id == "core.messaging.E001"]

    assert error.msg == f"MESSAGES_{name} is {value!r}: expected {expected}."

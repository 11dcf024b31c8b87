import json
import urllib.request

import pytest

from tests.serving import serving


@pytest.mark.parametrize("worker", ["gthread", "gevent"])
def test_every_line_of_gunicorn_is_json_and_names_the_request(tmp_path, worker):
    log = tmp_path / "log"

    with serving(log, "--access-logfile", "-", "-k", worker) as address:
        url = f"{address}/healthz?email=mei@a.example"
        with urllib.request.urlopen(url, timeout=30) as response:
            request_id = response.headers["X-Request-ID"]

    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert "gunicorn.error" in {line["logger"] for line in lines}
    (access,) = [line for line in lines if line["logger"] == "gunicorn.access"]
    assert access["request_id"] == request_id
    assert access["message"].startswith("GET /healthz 200 ")
    assert "mei@" not in str(lines)


def test_no_line_per_request_unless_asked_for(tmp_path):
    log = tmp_path / "log"

    with serving(log) as address, urllib.request.urlopen(f"{address}/healthz"):
        pass

    assert "gunicorn.access" not in log.read_text()

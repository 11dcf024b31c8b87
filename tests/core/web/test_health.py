import pytest
from django.core.cache import cache
from django.db import OperationalError, connection


def test_alive_asks_nobody(client):
    response = client.get("/healthz")

    assert response.json() == {"status": "ok"}


@pytest.mark.django_db
def test_ready_asks_database_and_cache(client):
    response = client.get("/readyz")

    assert response.json() == {
        "status": "ok",
        "services": {"database": "ok", "cache": "ok"},
    }


@pytest.mark.django_db
def test_ready_names_the_service_that_gives_no_answer(client, monkeypatch):
    def refuse():
        raise OperationalError(2003, "refused")

    monkeypatch.setattr(connection, "cursor", refuse)

    response = client.get("/readyz")

    assert response.status_code == 503
    assert response.json()["services"] == {"database": "down", "cache": "ok"}


@pytest.mark.django_db
def test_ready_names_a_cache_that_gives_no_answer(client, monkeypatch):
    def refuse(key):
        raise ConnectionError("refused")

    monkeypatch.setattr(cache, "get", refuse)

    response = client.get("/readyz")

    assert response.json()["services"] == {"database": "ok", "cache": "down"}

import pytest

from accounts.models import User
from core.caching import tracking
from core.caching.stores import current_store
from core.sessions.copies import follow_changes
from core.sessions.models import Session
from core.web.models import UnhandledError
from tests.core.caching.conftest import use_database, use_redis, wait_until_trusted
from tests.servers import Redis


@pytest.fixture(scope="session")
def shared_redis():
    with Redis() as server:
        yield server


@pytest.fixture
def transactional_db(django_db_setup, django_db_blocker):
    """Let a test commit; afterwards empty the tables it may have written."""
    with django_db_blocker.unblock():
        yield
        for model in (Session, User, UnhandledError):
            model.objects.all().delete()


@pytest.fixture
def use_copies(settings, transactional_db, monkeypatch):
    """Keep copies in a Redis server: ``use_copies(server, HOLD=1)``."""
    monkeypatch.setattr("core.sessions.copies._is_followed", False)
    # A copy is made at once, also of what has just been changed.
    monkeypatch.setattr("core.sessions.recent.RECENT_SECONDS", 0)
    tracked = dict(tracking._tracked)

    def use(server, **options):
        with server.connect() as client:
            client.flushall()
        use_redis(settings, server, **options)
        follow_changes()
        wait_until_trusted()

    yield use
    tracking._tracked.clear()
    tracking._tracked.update(tracked)
    tracking.track()
    current_store.cache_clear()


@pytest.fixture
def copies(use_copies, shared_redis):
    """Keep copies in Redis, whatever the stack."""
    use_copies(shared_redis)
    return shared_redis


@pytest.fixture(params=["database", "redis"])
def storage(request, settings):
    """Run a test with rows alone, and with copies in Redis."""
    request.getfixturevalue("transactional_db")
    if request.param == "redis":
        request.getfixturevalue("copies")
    else:
        use_database(settings)
    yield request.param
    current_store.cache_clear()

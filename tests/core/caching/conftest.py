import pytest
from django.contrib.admin.models import LogEntry

from accounts.models import User
from articles.models import Article, Banner, Category, Tag
from core.caching.stores import Bypass, current_store
from core.caching.tags import EVERYTHING
from core.sessions.models import Session
from core.web.models import UnhandledError
from tests.servers import Redis
from tests.waiting import wait_until

TABLES = [LogEntry, Session, Article, Banner, Category, Tag, User, UnhandledError]
# Short, so that tests may see a mark run out; Redis trips take far less.
QUICK = {"HOLD": 0.05, "LEASE": 0.5, "WAIT": 1, "GUARD": 0.2, "BREAKER": 0.2}


@pytest.fixture(scope="session")
def shared_redis():
    with Redis() as server:
        yield server


@pytest.fixture
def transactional_db(django_db_setup, django_db_blocker):
    """Let a test commit; afterwards empty the tables it may have written.

    In place of pytest-django's, whose ``flush`` takes longer than most tests here.
    """
    with django_db_blocker.unblock():
        yield
        for model in TABLES:
            model.objects.all().delete()


def use_database(settings):
    settings.COHERENT_CACHE = {"STAMPS": "database", **QUICK}


def use_redis(settings, server, **options):
    settings.CACHES = {
        "default": {
            "BACKEND": "django_redis.cache.RedisCache",
            "LOCATION": server.url,
            "KEY_PREFIX": "test",
        }
    }
    settings.COHERENT_CACHE = {"STAMPS": "redis", **QUICK, **options}


def wait_until_trusted():
    """Wait until the store has seen that nobody's mark can be missing."""
    probes = iter(range(10**6))

    def is_building():
        found = current_store().look_up(f"probe {next(probes)}", [EVERYTHING])
        if isinstance(found, Bypass):
            return False
        found.abandon()
        return True

    wait_until(is_building, what="a trusted store")


@pytest.fixture(params=["database", "redis"])
def store(request, settings, transactional_db):
    """Run a test on each stamp store."""
    if request.param == "redis":
        server = request.getfixturevalue("shared_redis")
        with server.connect() as client:
            client.flushall()
        use_redis(settings, server)
        # core.sessions keeps copies in Redis if the process started with it.
        settings.SESSION_ENGINE = "django.contrib.sessions.backends.db"
    else:
        use_database(settings)
    wait_until_trusted()
    yield current_store()
    current_store.cache_clear()


@pytest.fixture
def redis_store(settings, transactional_db, shared_redis):
    with shared_redis.connect() as client:
        client.flushall()
    use_redis(settings, shared_redis)
    wait_until_trusted()
    return current_store()


class Loader:
    """A loader that counts its calls and reads the source anew at each."""

    def __init__(self, read):
        self.read = read
        self.calls = 0

    def __call__(self):
        self.calls += 1
        return self.read()


@pytest.fixture
def loader_of():
    return Loader

from contextlib import ExitStack

import pytest
from django.core.cache import caches
from django.utils import translation

from core.messaging import sms
from tests.servers import MariaDB, Redis


@pytest.fixture(scope="session")
def stack(request):
    """The name of the stack under test: embedded or real."""
    return request.config.getoption("stack")


@pytest.fixture(autouse=True)
def usual_language():
    """A request leaves its language behind in the thread."""
    yield
    translation.deactivate()


@pytest.fixture(autouse=True)
def empty_caches():
    for cache in caches.all():
        cache.clear()


@pytest.fixture(autouse=True)
def sms_outbox():
    """The SMS that were delivered in this process; none at the begin of a test."""
    sms.outbox.clear()
    return sms.outbox


@pytest.fixture
def mariadb_server():
    """Start private MariaDB servers: ``mariadb_server(max_connections=5)``.

    A test may kill, freeze and restart them; they are gone when it ends.
    """
    with ExitStack() as servers:
        yield lambda **options: servers.enter_context(MariaDB(**options))


@pytest.fixture
def redis_server():
    """Start private Redis servers: ``redis_server(maxmemory="10mb")``."""
    with ExitStack() as servers:
        yield lambda **options: servers.enter_context(Redis(**options))

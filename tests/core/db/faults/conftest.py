import json
import os
import subprocess
import sys
from contextlib import ExitStack

import pytest

from tests.core.db.faults import programs
from tests.core.db.faults.harness import NAIVE_ENGINE, PLAIN_ENGINE, Root, Site
from tests.proxy import Proxy
from tests.servers import MariaDB


@pytest.fixture(autouse=True)
def allowed_database(django_db_blocker):
    """The databases here are not the test database that pytest-django guards."""
    with django_db_blocker.unblock():
        yield


@pytest.fixture(scope="session")
def shared_server():
    """A server for the tests that leave it as they found it."""
    with MariaDB() as server:
        prepare(server)
        yield server


@pytest.fixture(scope="module")
def own_server():
    """A server for the tests of one module, which may stop, freeze or restart it."""
    with MariaDB() as server:
        prepare(server)
        yield server


def prepare(server):
    root = Root(server)
    root.make_schema()
    root.close()


@pytest.fixture
def server(shared_server):
    return shared_server


@pytest.fixture
def root(server):
    """An observer of the server, with an empty table ``entries`` there."""
    root = Root(server)
    root.run("DELETE FROM entries")
    yield root
    root.close()


@pytest.fixture
def make_site(server, root):
    """Make sites on the server: ``make_site({"maxconnections": 2}, NAME="other")``."""
    with ExitStack() as sites:

        def make(pool=True, *, port=None, options=None, engine="core.db.mysql", **more):
            options = dict(options or {})
            if pool is not None:
                options["pool"] = pool
            site = Site(port or server.port, engine, options, **more)
            sites.callback(site.close)
            return site

        yield make


@pytest.fixture
def site(make_site):
    return make_site({"maxconnections": 3, "timeout": 2})


@pytest.fixture
def make_naive_site(make_site):
    """Make sites on raw DBUtils; the options are those of ``PooledDB``."""

    def make(*, port=None, user="root", **pool):
        pool = {"maxconnections": 3, "blocking": True, **pool}
        return make_site(pool, engine=NAIVE_ENGINE, port=port, USER=user)

    return make


@pytest.fixture
def make_plain_site(make_site):
    """Make sites on Django's own backend, whose threads keep their connections."""

    def make(**options):
        return make_site(None, engine=PLAIN_ENGINE, options=options, CONN_MAX_AGE=None)

    return make


@pytest.fixture
def proxy(server):
    with Proxy(server.port) as proxy:
        yield proxy


@pytest.fixture
def environment(server, root):
    """Give the environment of a program that uses the server."""

    def give(engine, pool, port=None):
        return os.environ | {
            "DJANGO_SETTINGS_MODULE": "tests.core.db.faults.programs.settings",
            "FAULTS_ENGINE": engine,
            "FAULTS_PORT": str(port or server.port),
            "FAULTS_POOL": json.dumps(pool),
        }

    return give


@pytest.fixture
def run_to_end(environment):
    """Run one of the programs; give its exit status and what it wrote."""

    def run(name, *arguments, engine="core.db.mysql", pool=True, port=None):
        if engine == NAIVE_ENGINE:
            pool = {"ping": 0}
        return subprocess.run(
            [sys.executable, "-m", f"{programs.__name__}.{name}", *arguments],
            env=environment(engine, pool, port),
            capture_output=True,
            text=True,
            timeout=60,
        )

    return run


@pytest.fixture
def run(run_to_end):
    """Run one of the programs to its end; give the JSON that it printed last."""

    def run(*arguments, **options):
        ended = run_to_end(*arguments, **options)
        assert ended.returncode == 0, ended.stderr
        return json.loads(ended.stdout.splitlines()[-1])

    return run

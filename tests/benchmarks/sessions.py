"""A page that reads its session and one that changes it, for many visitors in turn."""

import tempfile
from argparse import Namespace
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.request import Request, urlopen

from tests.benchmarks.pool import fill
from tests.benchmarks.report import Results
from tests.benchmarks.web_load import CONNECTIONS, find_wrk, load
from tests.benchmarks.web_servers import (
    Site,
    bootstrap,
    environment_of_sites,
    serving,
)
from tests.servers import MariaDB, Redis

# Of a visitor one request at a time, as his browser sends them.
VISITORS = 10 * CONNECTIONS
SETTINGS = "DJANGO_SETTINGS_MODULE"
# The first is what the others are compared with.
CONTENDERS = {
    "Flask-Session": ("flask", {}),
    "Django, cache": ("django", {}),
    "inkstone": ("inkstone", {SETTINGS: "tests.benchmarks.web_inkstone_sessions"}),
    "… with its site": ("inkstone", {}),
}
PAGES = {"reads": "/bench/visits/read", "changes": "/bench/visits"}


def run(*, peers_python: Path, options: Namespace) -> None:
    wrk = find_wrk()
    with MariaDB() as mariadb, Redis() as redis, ExitStack() as sites:
        fill(mariadb)
        env = environment_of_sites(mariadb, redis)
        bootstrap(env)
        served = {}
        for name, (contender, more) in CONTENDERS.items():
            serve = serving(contender, "gevent", peers_python, env | more)
            site = sites.enter_context(serve)
            served[name] = site, sites.enter_context(visitors_of(site))
        for verb, path in PAGES.items():
            measure(f"page that {verb} its session", wrk, served, path, options)


@contextmanager
def visitors_of(site: Site) -> Iterator[Path]:
    """Give a file with the cookies of visitors who have a session each."""
    with tempfile.NamedTemporaryFile("w") as file:
        for _ in range(VISITORS):
            with urlopen(site.address + PAGES["changes"], timeout=10) as response:
                file.write(response.headers["Set-Cookie"].partition(";")[0] + "\n")
        file.flush()
        check(site, Path(file.name).read_text().split()[0])
        yield Path(file.name)


def check(site: Site, cookie: str) -> None:
    """Make sure that the session is kept, and changed."""
    answers = []
    for path in (PAGES["changes"], PAGES["reads"], PAGES["reads"]):
        request = Request(site.address + path, headers={"Cookie": cookie})
        with urlopen(request, timeout=10) as response:
            answers.append(response.read())
    assert answers == [b"2", b"2", b"2"], answers


def measure(
    title: str,
    wrk: Path,
    served: dict[str, tuple[Site, Path]],
    path: str,
    options: Namespace,
) -> None:
    by_clock, by_processor = Results(title), Results("the same by processor time")
    for site, cookies in served.values():
        load(wrk, site.address + path, 1, cookies)  # warms up
    for _ in range(options.rounds):
        for name, (site, cookies) in served.items():
            before = site.processor_seconds()
            done = load(wrk, site.address + path, options.seconds, cookies)
            used = site.processor_seconds() - before
            by_clock.add(name, done.per_second)
            by_processor.add(name, done.requests / used)
    usual = next(iter(served))
    by_clock.show_beside(usual, unit="requests/s")
    by_processor.show_beside(usual, unit="requests/s")

"""JSON lists of ten articles from gunicorn, cached and not, beside other stacks."""

import json
from argparse import Namespace
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks.pool import fill
from tests.benchmarks.report import Results
from tests.benchmarks.web_load import find_wrk, load
from tests.benchmarks.web_servers import (
    APPLICATIONS,
    WORKERS,
    Site,
    bootstrap,
    environment_of_sites,
    get,
    serving,
)
from tests.servers import MariaDB, Redis
from tests.waiting import wait_until

# The first of each is what the others are compared with.
LISTS = {
    "cached": {
        "Flask-Caching": ("flask", "/bench/cached"),
        "Django cache_page": ("django", "/bench/cached"),
        "inkstone": ("inkstone", "/bench/cached"),
        "… its /api/articles": ("inkstone", "/api/articles"),
    },
    "uncached": {
        "Flask + DBUtils": ("flask", "/bench/uncached"),
        "Django persistent": ("django", "/bench/uncached"),
        "inkstone": ("inkstone", "/bench/uncached"),
    },
}


def run(*, peers_python: Path, options: Namespace) -> None:
    wrk = find_wrk()
    with MariaDB() as mariadb, Redis() as redis:
        fill(mariadb)
        env = environment_of_sites(mariadb, redis)
        bootstrap(env)
        for worker in WORKERS:
            with ExitStack() as sites:
                served = {
                    name: sites.enter_context(serving(name, worker, peers_python, env))
                    for name in APPLICATIONS
                }
                for kind, contenders in LISTS.items():
                    pages = {
                        name: Page(served[site], path)
                        for name, (site, path) in contenders.items()
                    }
                    for page in pages.values():
                        check(mariadb, page.url, is_cached=kind == "cached")
                    title = f"{kind} JSON list, gunicorn {worker}, one worker"
                    measure(title, wrk, pages, options)


@dataclass(frozen=True)
class Page:
    site: Site
    path: str

    @property
    def url(self) -> str:
        return self.site.address + self.path


def measure(title: str, wrk: Path, pages: dict[str, Page], options: Namespace) -> None:
    """Measure by the clock, and by the worker's own time, which noise changes less."""
    by_clock, by_processor = Results(title), Results("the same by processor time")
    for page in pages.values():
        load(wrk, page.url, seconds=1)  # warms up
    for _ in range(options.rounds):
        for name, page in pages.items():
            before = page.site.processor_seconds()
            done = load(wrk, page.url, options.seconds)
            used = page.site.processor_seconds() - before
            by_clock.add(name, done.per_second)
            by_processor.add(name, done.requests / used)
    usual = next(iter(pages))
    by_clock.show_beside(usual, unit="requests/s")
    by_processor.show_beside(usual, unit="requests/s")


def check(server: MariaDB, url: str, *, is_cached: bool) -> None:
    """Make sure that the answer is right, and comes from where it should."""
    answer = json.loads(get(url))
    assert answer["code"] == 100, answer
    assert len(answer["result"]) == 10, answer
    assert {"id", "title"} <= answer["result"][0].keys(), answer

    def comes_from_there() -> bool:
        # Once in a while a cached answer may cost a query, too.
        queries = queries_caused_by(server, url, requests=20)
        return queries < 10 if is_cached else queries >= 20

    # A cache that begins on an empty Redis may take a while to trust it.
    wait_until(comes_from_there, timeout=60, what=f"{url}, cached: {is_cached}")


def queries_caused_by(server: MariaDB, url: str, *, requests: int) -> int:
    with server.connect(autocommit=True) as connection, connection.cursor() as cursor:

        def count() -> int:
            cursor.execute("SHOW GLOBAL STATUS LIKE 'Com_select'")
            return int(cursor.fetchone()[1])

        before = count()
        for _ in range(requests):
            get(url)
        return count() - before

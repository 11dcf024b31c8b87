"""Stale reads after a commit: the coherent cache beside the usual recipes."""

from argparse import Namespace
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from tests.benchmarks.scripts import python_of, run_script
from tests.servers import MariaDB, Redis

CONTENDERS = ["naive", "on_commit", "cachalot", "cacheops", "inkstone"]
SECONDS_BETWEEN_KILLS = 5


def run(*, peers_python: Path, options: Namespace) -> None:
    with MariaDB() as mariadb, Redis() as redis:
        fill(mariadb)
        traffic = Traffic(mariadb, redis, peers_python)
        for _ in range(options.rounds):
            for contender in CONTENDERS:
                traffic.measure(contender, options.seconds)
        show("reads beside 2 writers", traffic.results)
        reads = sum(result["reads"] for result in traffic.results["inkstone"])
        traffic.results = {}
        killing = {"kills_each": SECONDS_BETWEEN_KILLS}
        traffic.measure("on_commit", options.seconds, **killing)
        traffic.measure("inkstone", options.seconds, options.reads - reads, **killing)
        show("the same with writers killed every 5 seconds", traffic.results)


def fill(server: MariaDB) -> None:
    with server.connect(database=server.database, autocommit=True) as connection:
        cursor = connection.cursor()
        cursor.execute("CREATE TABLE bench_item (id BIGINT PRIMARY KEY, value BIGINT)")
        cursor.execute("INSERT INTO bench_item VALUES (1, 0), (2, 0), (3, 0), (4, 0)")


@dataclass
class Traffic:
    mariadb: MariaDB
    redis: Redis
    peers_python: Path

    def __post_init__(self) -> None:
        self.results: dict[str, list[dict]] = {}

    def measure(
        self, contender: str, seconds: float, reads: int = 0, kills_each: float = 0
    ) -> None:
        number = 1 + CONTENDERS.index(contender)
        result = run_script(
            self.mariadb,
            python_of(contender, self.peers_python),
            "stale_traffic.py",
            contender,
            seconds,
            reads,
            kills_each,
            redis_url=f"redis://127.0.0.1:{self.redis.port}/{number}",
        )
        self.results.setdefault(contender, []).append(result)


def show(title: str, results: dict[str, list[dict]]) -> None:
    """Print sums of counts, the median of rates, and ratios of them round by round.

    The last column is by the processor time of the readers, which other programs on
    the machine change less.
    """
    print(f"\n{title}")
    print(
        f"{'':12} {'reads':>10} {'stale':>8} {'':8} {'stale at rest':>14} "
        f"{'killed':>7} {'reads/s':>9}  {'× on_commit':18} by processor time"
    )
    for contender, rounds in results.items():
        sums = {
            name: sum(result[name] for result in rounds)
            for name in ("reads", "stale", "at_rest", "killed")
        }
        rate = median(result["per_second"] for result in rounds)
        usual = results["on_commit"]
        print(
            f"{contender:12} {sums['reads']:10,} {sums['stale']:8,} "
            f"{sums['stale'] / sums['reads']:8.3%} {sums['at_rest']:14} "
            f"{sums['killed']:7} {rate:9,.0f}  "
            f"{multiples(rounds, usual, 'per_second'):18} "
            f"{multiples(rounds, usual, 'per_processor_second')}"
        )


def multiples(mine: list[dict], usual: list[dict], figure: str) -> str:
    pairs = zip(mine, usual, strict=True)
    ratios = [one[figure] / other[figure] for one, other in pairs]
    return f"{median(ratios):.2f} ({min(ratios):.2f}–{max(ratios):.2f})"

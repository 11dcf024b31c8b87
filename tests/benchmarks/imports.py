"""The import of a workbook beside the usual ways to get one into MySQL."""

import datetime
import random
import tempfile
from argparse import Namespace
from pathlib import Path

import openpyxl

from tests.benchmarks.report import Results
from tests.benchmarks.scripts import python_of, run_script
from tests.servers import MariaDB

ROWS = 100_000
# Takes minutes for 100,000 rows; its rate does not depend on their number.
ROWS_OF_SLOW_PEER = 20_000
SLOW_PEER = "import-export"
PEERS = ["floor", "pandas+calamine", "pandas+openpyxl", SLOW_PEER]
VARIANTS = ["inkstone", "inkstone dry run", "inkstone 1% bad", "inkstone sqlite"]
HEADERS = [
    "title",
    "slug",
    "author",
    "summary",
    "views",
    "price",
    "published_at",
    "is_published",
]


def run(*, peers_python: Path, options: Namespace) -> None:
    with MariaDB() as server, tempfile.TemporaryDirectory() as folder:
        files = Files(Path(folder))
        rates = Results(f"import of {ROWS:,} × 8 cells")
        memory = Results("peak memory")
        for _ in range(options.rounds):
            for contender in [*PEERS, *VARIANTS]:
                python = python_of(contender.partition(" ")[0], peers_python)
                result = run_script(
                    server,
                    python,
                    "import_contenders.py",
                    contender,
                    files.of(contender),
                    Path(folder) / "bench.sqlite3",
                )
                rates.add(contender, result["rows"] / result["seconds"])
                memory.add(contender, result["peak_mb"])
        rates.show(unit="rows/s", ours="inkstone")
        memory.show_beside("floor", unit="MB")


class Files:
    """The workbooks to import, each made once."""

    def __init__(self, folder: Path) -> None:
        self._good = workbook(folder / "good.xlsx", ROWS)
        self._small = workbook(folder / "small.xlsx", ROWS_OF_SLOW_PEER)
        self._bad = workbook(folder / "bad.xlsx", ROWS, bad_share=0.01)

    def of(self, contender: str) -> Path:
        if contender == SLOW_PEER:
            return self._small
        return self._bad if "bad" in contender else self._good


def workbook(path: Path, rows: int, *, bad_share: float = 0) -> Path:
    """Write a workbook of articles; a share of the rows has a price that is none."""
    random.seed(1)
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet("articles")
    sheet.append(HEADERS)
    start = datetime.datetime.fromisoformat("2020-01-01T08:00:00")
    for number in range(rows):
        is_bad = random.random() < bad_share
        sheet.append(
            [
                f"第 {number} 篇文章 about connection pools",
                f"article-{number}",
                f"author{number % 200}",
                "一段摘要，说明这篇文章讲了什么。 " + "words " * 8,
                number * 7 % 100_000,
                "cheap" if is_bad else number % 10_000 / 100 + 0.5,
                start + datetime.timedelta(minutes=number * 17),
                number % 3 == 0,
            ]
        )
    book.save(path)
    return path

"""One import of a workbook, in a process of its own.

usage: import_contenders.py CONTENDER FILE SQLITE_FILE  (server in BENCH_DATABASE)

Prints one JSON object: rows, seconds from the first byte read to the commit, and the
peak memory of the process. Runs under Inkstone's or the peers' Python.
"""

import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

ADDRESS = json.loads(os.environ["BENCH_DATABASE"])
TABLE = """
CREATE TABLE {name} (
  id BIGINT PRIMARY KEY AUTO_INCREMENT, title VARCHAR(200) NOT NULL,
  slug VARCHAR(200) NOT NULL UNIQUE, author VARCHAR(50) NOT NULL,
  summary LONGTEXT NOT NULL, views INT NOT NULL, price DECIMAL(10, 2) NOT NULL,
  published_at DATETIME(6) NOT NULL, is_published BOOL NOT NULL
) CHARACTER SET utf8mb4
"""
COLUMNS = "title, slug, author, summary, views, price, published_at, is_published"


def connect(**options: object):
    import pymysql

    return pymysql.connect(
        host=ADDRESS["HOST"],
        port=ADDRESS["PORT"],
        user=ADDRESS["USER"],
        database=ADDRESS["NAME"],
        charset="utf8mb4",
        **options,
    )


def floor(path: Path) -> Callable[[], int]:
    """The fastest reader straight into LOAD DATA: unchecked, all in memory."""
    import threading

    import python_calamine

    connection = connect(local_infile=True)
    cursor = connection.cursor()
    cursor.execute("DROP TABLE IF EXISTS peer_import")
    cursor.execute(TABLE.format(name="peer_import"))

    def work() -> int:
        sheet = python_calamine.CalamineWorkbook.from_path(path).get_sheet_by_index(0)
        rows = sheet.iter_rows()
        next(rows)
        read_end, write_end = os.pipe()
        escapes = str.maketrans({"\\": r"\\", "\t": r"\t", "\n": r"\n", "\r": r"\r"})

        def text(value: object) -> str:
            is_flag = isinstance(value, bool)
            return str(int(value)) if is_flag else str(value).translate(escapes)

        def feed() -> None:
            with open(write_end, "w", encoding="utf-8", newline="") as pipe:
                for row in rows:
                    pipe.write("\t".join(map(text, row)) + "\n")

        feeder = threading.Thread(target=feed)
        feeder.start()
        cursor.execute(
            f"LOAD DATA LOCAL INFILE '/dev/fd/{read_end}' INTO TABLE peer_import "
            f"CHARACTER SET utf8mb4 ({COLUMNS})"
        )
        feeder.join()
        os.close(read_end)
        connection.commit()
        return cursor.rowcount

    return work


def pandas_with(engine: str, path: Path) -> Callable[[], int]:
    import pandas
    import sqlalchemy

    url = sqlalchemy.URL.create(
        "mysql+pymysql",
        ADDRESS["USER"],
        host=ADDRESS["HOST"],
        port=ADDRESS["PORT"],
        database=ADDRESS["NAME"],
        query={"charset": "utf8mb4"},
    )
    database = sqlalchemy.create_engine(url)

    def work() -> int:
        frame = pandas.read_excel(path, engine=engine)
        frame.to_sql(
            "peer_pandas", database, if_exists="replace", index=False, chunksize=5000
        )
        return len(frame)

    return work


def import_export(path: Path) -> Callable[[], int]:
    """Its fastest setting: in bulk, without comparing old and new values."""
    import pymysql

    pymysql.install_as_MySQLdb()
    import django
    from django.conf import settings

    settings.configure(
        INSTALLED_APPS=["django.contrib.contenttypes", "import_export"],
        DATABASES={"default": {"ENGINE": "django.db.backends.mysql", **ADDRESS}},
        USE_TZ=False,
    )
    django.setup()
    import tablib
    from django.db import connection, models
    from import_export import resources

    class Article(models.Model):
        title = models.CharField(max_length=200)
        slug = models.CharField(max_length=200, unique=True)
        author = models.CharField(max_length=50)
        summary = models.TextField()
        views = models.IntegerField()
        price = models.DecimalField(max_digits=10, decimal_places=2)
        published_at = models.DateTimeField()
        is_published = models.BooleanField()

        class Meta:
            app_label = "contenttypes"
            db_table = "peer_export"

        def __str__(self) -> str:
            return self.title

    class ArticleResource(resources.ModelResource):
        class Meta:
            model = Article
            import_id_fields = ("slug",)
            exclude = ("id",)
            use_bulk = True
            batch_size = 1000
            force_init_instance = True
            skip_diff = True

    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS peer_export")
        cursor.execute(TABLE.format(name="peer_export"))

    def work() -> int:
        data = tablib.Dataset().load(path.read_bytes(), format="xlsx")
        result = ArticleResource().import_data(data, raise_errors=True)
        return result.totals["new"]

    return work


def inkstone(contender: str, path: Path, sqlite_file: Path) -> Callable[[], int]:
    import django
    from django.conf import settings

    on_mysql = {"ENGINE": "core.db.mysql", **ADDRESS}
    on_mysql["OPTIONS"] = {**ADDRESS["OPTIONS"], "pool": True}
    on_sqlite = {"ENGINE": "core.db.sqlite", "NAME": str(sqlite_file)}
    settings.configure(
        INSTALLED_APPS=[
            "django.contrib.auth",
            "django.contrib.contenttypes",
            "core.importing",
            "tests.benchmarks",
        ],
        DATABASES={"default": on_sqlite if "sqlite" in contender else on_mysql},
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        USE_TZ=True,
        TIME_ZONE="Asia/Shanghai",
    )
    django.setup()
    from django.core.management import call_command
    from django.db import connection

    from core.importing import ImportFailed, import_workbook
    from tests.benchmarks.models import ImportedArticle

    if "bench_import" not in connection.introspection.table_names():
        call_command("migrate", run_syncdb=True, verbosity=0)
    ImportedArticle.objects.all().delete()

    def work() -> int:
        try:
            report = import_workbook(
                path, "bench_import", force=True, dry_run="dry run" in contender
            )
        except ImportFailed as failure:
            print(len(failure.problems), "problems", file=sys.stderr)
            return 0
        return report.rows

    return work


def rows_of(path: Path) -> int:
    from core.importing.reading import open_source

    with open_source(path) as source:
        return sum(1 for _row in source.sheet().rows()) - 1


def prepared(contender: str, path: Path, sqlite_file: Path) -> Callable[[], int]:
    if contender.startswith("inkstone"):
        return inkstone(contender, path, sqlite_file)
    if contender.startswith("pandas"):
        return pandas_with(contender.partition("+")[2], path)
    return {"floor": floor, "import-export": import_export}[contender](path)


def main() -> None:
    contender, path, sqlite_file = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    work = prepared(contender, path, sqlite_file)
    start = time.perf_counter()
    rows = work()
    seconds = time.perf_counter() - start
    rows = rows or rows_of(path)  # none were imported if some of them are wrong
    print(json.dumps({"rows": rows, "seconds": seconds, "peak_mb": peak_mb()}))


def peak_mb() -> float:
    """Give this program's own peak; getrusage() would count its parent's memory."""
    status = Path("/proc/self/status").read_text()
    (line,) = [line for line in status.splitlines() if line.startswith("VmHWM")]
    return int(line.split()[1]) / 1024


if __name__ == "__main__":
    main()

"""Tables that have no model."""

import datetime
from decimal import Decimal

import pytest
from django.db import connection

from core.importing import ImportFailed, Mode, import_workbook
from core.importing.merging.changes import Counts
from tests.core.importing.workbooks import save_workbook
from tests.factories import make_category

MYSQL = """
CREATE TABLE legacy_item (
  id INT UNSIGNED AUTO_INCREMENT PRIMARY KEY,
  code VARCHAR(10) NOT NULL UNIQUE,
  size ENUM('small', 'large') NOT NULL DEFAULT 'small',
  colours SET('red', 'blue') NULL,
  stock SMALLINT UNSIGNED NOT NULL DEFAULT 7,
  price DECIMAL(6, 2) NULL,
  is_sold TINYINT(1) NOT NULL DEFAULT 0,
  flag BIT(1) NOT NULL DEFAULT b'0',
  seen_on DATE NULL,
  added TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
  double_stock INT AS (stock * 2),
  picture BLOB NULL,
  category_id BIGINT NULL,
  UNIQUE (code, double_stock),
  FOREIGN KEY (category_id) REFERENCES articles_category (id)
)
"""
SQLITE = """
CREATE TABLE legacy_item (
  id INTEGER PRIMARY KEY,
  code VARCHAR(10) NOT NULL UNIQUE COLLATE NOCASE,
  size TEXT NOT NULL DEFAULT 'small',
  colours TEXT NULL,
  stock SMALLINT UNSIGNED NOT NULL DEFAULT 7,
  price DECIMAL(6, 2) NULL,
  is_sold BOOLEAN NOT NULL DEFAULT 0,
  flag BOOLEAN NOT NULL DEFAULT 0,
  seen_on DATE NULL,
  added TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
  double_stock INT AS (stock * 2),
  picture BLOB NULL,
  category_id BIGINT NULL REFERENCES articles_category (id),
  UNIQUE (code, double_stock)
)
"""
on_mysql = pytest.mark.skipif("connection.vendor != 'mysql'", reason="types of MySQL")


@pytest.fixture
def legacy(transactional_db):
    """Create a table of the kind that older systems leave."""
    with connection.cursor() as cursor:
        cursor.execute(MYSQL if connection.vendor == "mysql" else SQLITE)
        yield
        cursor.execute("DROP TABLE legacy_item")


@pytest.fixture
def run(tmp_path, legacy):
    def import_items(headers, *rows, **choices):
        path = save_workbook(tmp_path, [headers, *rows], sheet="Items")
        return import_workbook(path, "legacy_item", **choices)

    return import_items


def refusal(run, *args, **choices):
    with pytest.raises(ImportFailed) as failure:
        run(*args, **choices)
    return (
        str(failure.value).splitlines()[0].removeprefix("articles.xlsx, sheet Items, ")
    )


def values(*columns):
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {', '.join(columns)} FROM legacy_item ORDER BY id")
        return list(cursor.fetchall())


def test_values_of_every_kind(run):
    day = datetime.date(2024, 1, 31)

    report = run(
        ["code", "size", "colours", "stock", "price", "is_sold", "flag", "seen_on"],
        ["a", "large", "red,blue", 3, 12.5, True, "yes", day],
        ["b", "small", None, 0, None, 0, 0, None],
    )

    assert str(report) == "legacy_item: 2 rows imported from sheet Items"
    rows = values("code", "size", "colours", "stock", "price", "is_sold", "flag + 0")
    assert [(*row[:4], row[4] and Decimal(str(row[4])), *row[5:]) for row in rows] == [
        ("a", "large", "red,blue", 3, Decimal("12.5"), 1, 1),
        ("b", "small", None, 0, None, 0, 0),
    ]
    assert [str(day) for (day,) in values("seen_on") if day] == ["2024-01-31"]


def test_columns_that_are_left_out_get_the_databases_defaults(run):
    run(["code"], ["a"])

    ((size, stock, double, added),) = values("size", "stock", "double_stock", "added")
    assert (size, stock, double) == ("small", 7, 14)
    assert added is not None


def test_blank_cells_get_the_databases_defaults(run):
    run(["code", "size", "stock", "seen_on"], ["a", None, None, None])

    assert values("size", "stock", "seen_on") == [("small", 7, None)]


@pytest.mark.parametrize(
    ("header", "value", "message"),
    [
        ("code", "x" * 11, '"xxxxxxxxxxx" has 11 characters; expected at most 10.'),
        ("code", None, "blank; expected a value."),
        ("stock", -1, "-1; expected a number from 0 to "),
        ("stock", "many", '"many"; expected a whole number.'),
        ("price", 12345, "12345: Ensure that there are no more than 4 digits"),
        ("price", 1.234, "1.234: Ensure that there are no more than 2 decimal"),
        ("is_sold", "maybe", '"maybe"; expected yes or no'),
        ("seen_on", "soon", '"soon"; expected a date such as 2024-01-31.'),
    ],
)
def test_wrong_values(run, header, value, message):
    row = {"code": "a", "size": "small", header: value}

    assert f": {message}" in refusal(run, list(row), list(row.values()))
    assert values("code") == []


@on_mysql
@pytest.mark.parametrize(
    ("header", "value", "message"),
    [
        ("size", "smal", 'unknown "smal"; did you mean "small"?'),
        ("colours", "red,green", '"red,green": expected members of '),
        ("stock", 65536, "65536; expected a number from 0 to 65535."),
        ("id", 0, "0; expected a number from 1 to "),
    ],
)
def test_types_that_only_mysql_has(run, header, value, message):
    assert f": {message}" in refusal(run, ["code", header], ["a", value])


@pytest.mark.parametrize("header", ["picture", "double_stock"])
def test_columns_that_no_cell_can_fill(run, header):
    assert "closed to imports" in refusal(
        run, ["code", header], ["a", 1]
    ) or "unknown header" in refusal(run, ["code", header], ["a", 1])


def test_required_column(run):
    assert refusal(run, ["stock"], [1]).endswith(
        'no column for the required field "code".'
    )


def test_unique_key_under_its_own_collation(run):
    assert refusal(run, ["code"], ["a"], ["b"], ["A"]) == (
        'cell A4 (code): "A" is already in cell A2 (code).'
    )


def test_upsert_finds_the_key_by_itself(run):
    run(["code", "stock"], ["a", 1], ["b", 2])

    report = run(["code", "stock"], ["A", 9], ["b", 2], ["c", 3], mode=Mode.UPSERT)

    assert report.counts == Counts(inserted=1, updated=1, unchanged=1)
    assert values("code", "stock") == [("a", 9), ("b", 2), ("c", 3)]


def test_column_of_a_relation_holds_the_values_of_the_column(run):
    category = make_category()

    run(["code", "category_id"], ["a", category.pk], ["b", None])

    assert values("category_id") == [(category.pk,), (None,)]


def test_unknown_row_of_a_relation(run):
    assert "cell B2 (category_id): unknown 77; expected the " in refusal(
        run, ["code", "category_id"], ["a", 77]
    )


def test_relation_by_a_field_that_was_named(run):
    category = make_category(slug="sport")

    run(["code", "category"], ["a", "sport"], lookups={"category": "slug"})

    assert values("category_id") == [(category.pk,)]


def test_table_is_announced_without_a_model(run, announcements):
    run(["code"], ["a"])

    assert announcements == [
        {"sender": None, "table": "legacy_item", "using": "default", "rows": 1}
    ]


@pytest.fixture
def create(transactional_db):
    """Execute DDL, and drop the table or view afterwards."""
    dropped = []

    def execute(sql, drop):
        dropped.append(drop)
        with connection.cursor() as cursor:
            cursor.execute(sql)

    yield execute
    with connection.cursor() as cursor:
        for drop in dropped:
            cursor.execute(drop)


def test_views_are_no_targets(create, tmp_path):
    create("CREATE VIEW some_tags AS SELECT * FROM articles_tag", "DROP VIEW some_tags")
    path = save_workbook(tmp_path, [["name"], ["a"]])

    with pytest.raises(ImportFailed, match="some_tags is a view; an import fills"):
        import_workbook(path, "some_tags")


def test_table_without_primary_key(create, tmp_path):
    create("CREATE TABLE plain (a INT, b VARCHAR(5))", "DROP TABLE plain")
    path = save_workbook(tmp_path, [["a", "b"], [1, "x"], [1, "x"]])

    report = import_workbook(path, "plain")

    assert report.counts.inserted == 2
    with pytest.raises(ImportFailed, match="expected a table with a unique key"):
        import_workbook(path, "plain", mode=Mode.UPSERT)


def test_primary_key_of_two_columns(create, tmp_path):
    create(
        "CREATE TABLE pair (a INT NOT NULL, b INT NOT NULL, n INT, PRIMARY KEY (a, b))",
        "DROP TABLE pair",
    )
    headers = ["a", "b", "n"]
    import_workbook(save_workbook(tmp_path, [headers, [1, 1, 1], [1, 2, 1]]), "pair")

    path = save_workbook(tmp_path, [headers, [1, 2, 5], [2, 2, 5]])
    report = import_workbook(path, "pair", mode=Mode.UPSERT)

    assert report.counts == Counts(inserted=1, updated=1)
    with connection.cursor() as cursor:
        cursor.execute("SELECT a, b, n FROM pair ORDER BY a, b")
        assert list(cursor.fetchall()) == [(1, 1, 1), (1, 2, 5), (2, 2, 5)]


def test_awkward_names_of_columns(create, tmp_path):
    create(
        'CREATE TABLE awkward ("check" INT, "名 称" VARCHAR(9), "a%b" INT, "t" INT)'.replace(
            '"', "`" if connection.vendor == "mysql" else '"'
        ),
        "DROP TABLE awkward",
    )
    path = save_workbook(tmp_path, [["check", "名称", "a%b", "t"], [1, "好", 2, 3]])

    import_workbook(path, "awkward")

    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM awkward")
        assert list(cursor.fetchall()) == [(1, "好", 2, 3)]

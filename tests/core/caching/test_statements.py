"""Which rows a statement writes, as read from its text."""

import pytest

from core.caching.statements import changes

TABLES = {"shop_item", "shop_shelf"}


def rows(sql, params=()):
    """Give {table: rows} of a statement."""
    return {change.table: change.rows for change in changes(sql, params, TABLES)}


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM shop_item",
        "  select 1 from shop_item",
        "(SELECT 1 FROM shop_item)",
        "/* page */ SELECT * FROM shop_item FOR UPDATE",
        "-- page\nSELECT * FROM shop_item",
        "SAVEPOINT shop_item",
        "BEGIN IMMEDIATE",
        "UPDATE other SET shop_item = 1",
        "INSERT INTO other (a) VALUES (%s)",
        "DELETE FROM other",
    ],
)
def test_reads_and_other_tables_change_nothing(sql):
    assert rows(sql) == {}


@pytest.mark.parametrize(
    ("sql", "params", "found"),
    [
        (
            'UPDATE "shop_item" SET "a" = %s, "b" = %s WHERE "shop_item"."id" = %s',
            ("x", "y", 7),
            {"id": [7]},
        ),
        (
            "UPDATE `shop_item` SET `a` = %s WHERE `shop_item`.`id` IN (%s, %s)",
            ("x", 7, 8),
            {"id": [7, 8]},
        ),
        ('DELETE FROM "shop_item" WHERE "shop_item"."id" IN (%s)', (7,), {"id": [7]}),
        (
            'DELETE FROM "shop_item" WHERE ("shop_item"."a_id" = %s AND '
            '"shop_item"."b_id" IN (%s, %s))',
            (1, 2, 3),
            {"a_id": [1], "b_id": [2, 3]},
        ),
        (
            'INSERT INTO "shop_item" ("id", "a") VALUES (%s, %s), (%s, %s)',
            (1, "x", 2, "y"),
            {"id": (1, 2), "a": ("x", "y")},
        ),
        (
            "INSERT IGNORE INTO `shop_item` (`id`) VALUES (%s) RETURNING `shop_item`.`id`",
            [1],
            {"id": [1]},
        ),
        ("update shop_item set a = %s WHERE ID = %s;", (1, 2), {"id": [2]}),
    ],
)
def test_rows_are_read_from_the_orms_statements(sql, params, found):
    assert rows(sql, params) == {"shop_item": found}


@pytest.mark.parametrize(
    ("sql", "params"),
    [
        ("UPDATE shop_item SET a = 1", ()),
        ("UPDATE shop_item SET a = 1 WHERE id = 7", ()),
        ("UPDATE shop_item SET a = %s WHERE id = %s OR a = %s", (1, 2, 3)),
        ("UPDATE shop_item SET a = %s WHERE NOT (id = %s)", (1, 2)),
        ("UPDATE shop_item SET a = %s WHERE id = %s ORDER BY id", (1, 2)),
        ("UPDATE shop_item SET a = (SELECT b FROM c WHERE id = %s)", (1,)),
        ("UPDATE shop_item SET a = EXISTS(SELECT 1 FROM c WHERE (id = %s))", (1,)),
        ("UPDATE shop_item SET a = %(a)s WHERE id = %(id)s", {"a": 1, "id": 2}),
        ("UPDATE shop_item JOIN other ON 1 SET shop_item.a = %s WHERE id = %s", (1, 2)),
        ("UPDATE db.shop_item SET a = %s WHERE id = %s", (1, 2)),
        ("DELETE FROM shop_item", ()),
        ("DELETE FROM shop_item WHERE id IN (SELECT id FROM other)", ()),
        ("DELETE shop_item FROM shop_item JOIN other WHERE other.id = %s", (1,)),
        ("INSERT INTO shop_item (id, a) VALUES (%s, NOW())", (1,)),
        ("INSERT INTO shop_item (id) SELECT id FROM other", ()),
        ("INSERT INTO shop_item (id) VALUES (%s) ON CONFLICT DO UPDATE SET a=1", (1,)),
        ("INSERT INTO shop_item VALUES (%s)", (1,)),
        ("REPLACE INTO shop_item (id) VALUES (%s)", (1,)),
        ("WITH x AS (SELECT 1) UPDATE shop_item SET a = 1 WHERE id = %s", (1,)),
        ("TRUNCATE TABLE shop_item", ()),
        ("LOAD DATA LOCAL INFILE 'x' INTO TABLE shop_item", ()),
        ("/*! UPDATE shop_item SET a = 1 */", ()),
        ("ALTER TABLE shop_item ADD a INT", ()),
    ],
)
def test_any_other_write_may_be_of_any_row(sql, params):
    assert rows(sql, params) == {"shop_item": {}}


def test_unread_statement_changes_every_table_it_mentions():
    sql = "INSERT INTO shop_item (id) SELECT id FROM shop_shelf"

    assert rows(sql) == {"shop_item": {}, "shop_shelf": {}}


def test_columns_of_an_update_are_known():
    sql = 'UPDATE "shop_item" SET "A" = %s, "b" = "b" + %s WHERE "shop_item"."id" = %s'

    (change,) = changes(sql, (1, 2, 3), TABLES)

    assert change.columns == {"a", "b"}


def test_columns_hidden_behind_a_subquery_are_not_overlooked():
    sql = "UPDATE shop_item SET a = (SELECT 1 FROM x WHERE y = %s), b = %s"

    (change,) = changes(sql, (1, 2), TABLES)

    assert {"a", "b"} <= change.columns


def test_changed_key_is_among_the_columns():
    sql = "UPDATE shop_item SET id = %s WHERE id = %s"

    (change,) = changes(sql, (1, 2), TABLES)

    assert change.columns == {"id"}

import pytest


@pytest.fixture(params=["sqlite", "mysql"])
def database(request, use_database, tmp_path):
    """The connection of the site on each backend, whatever stack the suite runs on.

    There is a table ``noted (a INT)``.
    """
    if request.param == "mysql":
        connection = request.getfixturevalue("use_mysql")()
    else:
        connection = use_database(sqlite_settings(tmp_path))
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS noted")
        cursor.execute("CREATE TABLE noted (a INT)")
    return connection


def sqlite_settings(folder, **options):
    name = str(folder / "site.sqlite3")
    return {"ENGINE": "core.db.sqlite", "NAME": name, "OPTIONS": options}

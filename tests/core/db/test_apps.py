import pytest

from tests.config.test_env import start

MYSQL = "mysql://root@127.0.0.1:1/ink"


@pytest.mark.parametrize(
    ("variables", "begin"),
    [
        (
            {"DATABASE_POOL": '{"maxconnection": 10}'},
            'DATABASES["default"]["OPTIONS"]["pool"]["maxconnection"] is 10: expected '
            "one of the options blocking, ",
        ),
        (
            {"DATABASE_POOL": '{"timeout": "10s"}'},
            'DATABASES["default"]["OPTIONS"]["pool"]["timeout"] is \'10s\': expected a '
            "number of seconds, more than 0.",
        ),
        (
            {"DATABASE_URL": f"{MYSQL}?read_timeout=0"},
            'DATABASES["default"]["OPTIONS"]["read_timeout"] is 0: expected a number '
            "of seconds, more than 0.",
        ),
        (
            {"DATABASE_URL": f"{MYSQL}?connect_timeout=5s"},
            'DATABASES["default"]["OPTIONS"]["connect_timeout"] is \'5s\': expected a '
            "number of seconds, more than 0.",
        ),
    ],
)
def test_wrong_option_stops_start_up_with_one_sentence(variables, begin):
    result = start(**{"DATABASE_URL": MYSQL} | variables)

    assert result.returncode == 1
    assert result.stderr.startswith(f"Configuration error: {begin}")
    assert result.stderr.count("\n") == 1


def test_site_on_sqlite_needs_no_pymysql():
    result = start(
        "shell", "--no-imports", "-c", "import sys; print('pymysql' in sys.modules)"
    )

    assert result.stdout.strip() == "False", result.stderr

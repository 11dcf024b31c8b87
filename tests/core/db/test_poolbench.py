import re
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from core.db.mysql.experiment import Experiment


def run(*arguments):
    out = StringIO()
    call_command("poolbench", *arguments, stdout=out, no_color=True)
    return out.getvalue()


def row(name, output):
    """Give the cells of both columns as numbers."""
    found = re.search(rf"^{name} +([\d.]+)(?: s)? +([\d.]+)(?: s)?$", output, re.M)
    return tuple(map(float, found.groups()))


def test_pool_serves_all_threads_with_few_connections(use_mysql, mysql_server):
    use_mysql(pool={"maxconnections": 5})

    output = run("--threads=20", "--sleep=0.3")

    assert output.startswith("20 threads, each 1 x SELECT SLEEP(0.3)\n")
    assert row("errors", output) == (0, 0)
    with_pool, without = row("peak Threads_connected", output)
    # The samples' connection, and what earlier tests have just closed, count too.
    assert 5 <= with_pool <= 10 < without
    waited, at_once = row("wall time", output)
    assert waited >= 20 * 0.3 / 5
    assert at_once >= 0.3


def test_errors_are_counted_by_message(use_mysql, mariadb_server):
    server = mariadb_server(max_connections=10)
    use_mysql(server=server, pool={"maxconnections": 3})

    output = run("--threads=30", "--sleep=0.3")

    with_pool, without = row("errors", output)
    assert with_pool == 0 < without
    assert re.search(
        rf"^{without:g} x connection per request: .*Too many connections", output, re.M
    )


def test_messages_of_the_pool_are_summed_up(use_mysql):
    use_mysql(pool={"maxconnections": 1, "timeout": 0.1})

    output = run("--threads=5", "--sleep=0.5")

    assert "4 x pool: (1040, 'pool default: no connection within 0.1 s')" in output


@pytest.mark.parametrize("is_pooled", [True, False])
def test_every_thread_makes_all_its_requests(use_mysql, is_pooled):
    connection = use_mysql()
    made = []
    outcome = Experiment(
        alias="default",
        settings=connection.settings_dict,
        threads=2,
        requests=3,
        sleep_seconds=0,
        progress=lambda: made.append(1),
    ).run(is_pooled=is_pooled)

    assert len(made) == 6
    assert outcome.errors == {}


def test_sleep_may_be_longer_than_read_timeout(use_mysql):
    use_mysql(read_timeout=0.5)

    assert row("errors", run("--threads=1", "--sleep=0.6")) == (0, 0)


@pytest.mark.parametrize(
    ("argument", "expected"),
    [
        ("--threads=0", "'0': expected a whole number, 1 or more"),
        ("--requests-per-thread=x", "'x': expected a whole number, 1 or more"),
        ("--sleep=-1", "'-1': expected a number of seconds, 0 or more"),
        ("--sleep=nan", "'nan': expected a number of seconds, 0 or more"),
    ],
)
def test_refuses_other_numbers(argument, expected):
    with pytest.raises(CommandError, match=expected):
        run(argument)


def test_says_that_sqlite_needs_no_pool(use_database):
    use_database({"ENGINE": "core.db.sqlite", "NAME": ":memory:"})

    with pytest.raises(CommandError, match="is sqlite, which has no connection pool"):
        run()


def test_says_why_the_server_gives_no_answer(use_mysql, mariadb_server):
    server = mariadb_server()
    use_mysql(server=server)
    server.kill()

    with pytest.raises(CommandError, match="gives no answer: .*refused"):
        run()

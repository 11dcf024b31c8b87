"""Imports in a process of their own, which dies or waits at a given moment.

usage: python -m tests.core.importing.runs.programs HOW MOMENT FILE

HOW: "kill" ends the process at the moment as kill -9 does; "wait" prints the moment
and goes on when a line comes in; "interrupt" presses Ctrl-C. MOMENT is one of
``MOMENTS``; "never" imports undisturbed. ``naive`` as HOW imports as a script would,
in batches with a commit each, and is killed at "reading": the control.
"""

import os
import signal
import sys
from pathlib import Path

ROWS_BEFORE_READING_STOPS = 700
MOMENTS = ["reading", "loaded", "checked", "merged", "before commit", "after commit"]


def main() -> None:
    how, moment, path = sys.argv[1:4]
    import django

    django.setup()
    from core.importing.management.commands.init_db import Command

    if how == "naive":
        import_in_batches(Path(path))
    arrange(moment, {"kill": kill, "wait": wait, "interrupt": interrupt}[how])
    Command().run_from_argv(["manage.py", "init_db", path, "articles.Tag"])


def kill(moment: str) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def wait(moment: str) -> None:
    print(moment, flush=True)
    sys.stdin.readline()


def interrupt(moment: str) -> None:
    # Ignored if the tests run in the background of a shell.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.kill(os.getpid(), signal.SIGINT)


def arrange(moment: str, act) -> None:
    """Let something happen at a moment of the import."""
    from core.db import hooks
    from core.importing.loading.staging import Staging
    from core.importing.merging.merge import Merge
    from core.importing.pipeline import Pipeline
    from core.importing.reading import Sheet

    if moment == "reading":
        rows = Sheet.rows

        def rows_with_a_stop(self):
            for number, row in enumerate(rows(self)):
                if number == ROWS_BEFORE_READING_STOPS:
                    act(moment)
                yield row

        Sheet.rows = rows_with_a_stop
    places = {
        "loaded": (Staging, "load"),
        "checked": (Pipeline, "prepare"),
        "merged": (Merge, "run"),
    }
    if moment in places:
        owner, name = places[moment]
        original = getattr(owner, name)

        def with_a_stop(*args):
            result = original(*args)
            act(moment)
            return result

        setattr(owner, name, with_a_stop)

    class Subscriber(hooks.CommitSubscriber):
        def before_commit(self, connection):
            if moment == "before commit" and is_merge(connection):
                act(moment)

        def after_commit(self, connection):
            if moment == "after commit" and is_merge(connection):
                act(moment)

    hooks.subscribe(Subscriber())


def is_merge(connection) -> bool:
    from core.importing.models import ImportRun

    with connection.cursor() as cursor:
        table = ImportRun._meta.db_table
        cursor.execute(f"SELECT COUNT(*) FROM {table} WHERE status = 'done'")
        return cursor.fetchone()[0] > 0


def import_in_batches(path: Path) -> None:
    from articles.models import Tag
    from core.importing.reading import open_source

    with open_source(path) as source:
        rows = list(source.sheet().rows())[1:]
    for start in range(0, len(rows), 100):
        if start >= ROWS_BEFORE_READING_STOPS:
            kill("reading")
        Tag.objects.bulk_create(
            Tag(name=row.texts[0], slug=row.texts[1])
            for row in rows[start : start + 100]
        )


if __name__ == "__main__":
    main()

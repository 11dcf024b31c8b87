"""Run Django's own test runner on test cases that use the pool."""

import json
import threading

import django

django.setup()

from django.db import connection, transaction  # noqa: E402
from django.test import TestCase, TransactionTestCase  # noqa: E402
from django.test.runner import DiscoverRunner  # noqa: E402


def run(sql):
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchall()


class RowsOfOneTest(TestCase):
    @classmethod
    def setUpTestData(cls):
        run("INSERT INTO notes VALUES (1)")

    def insert_and_look(self):
        run("INSERT INTO notes VALUES (2)")
        self.assertEqual(run("SELECT COUNT(*) FROM notes"), ((2,),))

    test_first = insert_and_look
    test_second = insert_and_look

    def test_hooks(self):
        ran = []
        with self.captureOnCommitCallbacks(execute=True):
            transaction.on_commit(lambda: ran.append(1))
        self.assertEqual(ran, [1])


class RowsOfThreads(TransactionTestCase):
    def test_other_thread_sees_what_was_committed(self):
        seen = []

        def look():
            seen.extend(run("SELECT COUNT(*) FROM notes"))
            connection.close()

        with transaction.atomic():
            run("INSERT INTO notes VALUES (3)")
        thread = threading.Thread(target=look)
        thread.start()
        thread.join()
        run("DELETE FROM notes")

        self.assertEqual(seen, [(1,)])

    def test_database_is_the_one_for_tests(self):
        self.assertEqual(run("SELECT DATABASE()"), (("test_inkstone",),))


class Runner(DiscoverRunner):
    def setup_databases(self, **kwargs):
        run("SELECT 1")  # A pool on the database that tests must not touch.
        found = super().setup_databases(**kwargs)
        run("CREATE TABLE notes (id INT)")
        return found


if __name__ == "__main__":
    failures = Runner(verbosity=0, interactive=False).run_tests([__spec__.name])
    connection.close_pool()
    databases = run("SHOW DATABASES LIKE 'test%'")
    print(json.dumps({"failures": failures, "databases": list(databases)}))

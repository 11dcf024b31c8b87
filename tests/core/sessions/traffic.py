"""Logged-in visitors in several processes, who remember what they were told."""

import multiprocessing
import random
import threading

from django.db import connections
from django.test import Client

from tests.core.caching.processes import running
from tests.factories import make_user
from tests.waiting import wait_until

fork = multiprocessing.get_context("fork")
KEYS = 3


class Visitor:
    """A browser that counts up values in its session; notes what goes wrong."""

    def __init__(self, username, faults):
        self.username = username
        self.faults = faults
        self.client = Client(raise_request_exception=False)
        self.acknowledged = {}

    def get(self, address):
        response = self.client.get(address)
        if response.status_code >= 500:
            self.faults.append(f"{response.status_code} for {address}")
        return response

    def log_in(self):
        assert self.get(f"/log-in/{self.username}").status_code == 200

    def visit(self, rng):
        if rng.random() < 0.5:
            name = self.get("/who").content.decode()
            if name != self.username:
                self.faults.append(f"{self.username} is {name}")
        else:
            self.write(f"key{rng.randrange(KEYS)}", rng.randrange(10**9))

    def write(self, key, value):
        if self.get(f"/set?{key}={value}").status_code == 200:
            self.acknowledged[key] = str(value)

    def check(self):
        """Compare with what was acknowledged, now that all is quiet."""
        found = self.get("/data").json()
        for key, value in self.acknowledged.items():
            if found.get(key) != value:
                self.faults.append(f"{key} is {found.get(key)}, was {value}")


class Traffic:
    """``faults`` lists, after ``run``, all that went wrong in any process."""

    def __init__(self, visitors=200, processes=4, threads=2):
        self.users = [make_user().username for _ in range(20)]
        self.per_thread = visitors // processes // threads
        self.processes, self.threads = processes, threads
        self.visits, self.ready = fork.Value("q"), fork.Value("q")
        self.is_over, self.may_check = fork.Event(), fork.Event()
        self.reports = fork.SimpleQueue()
        self.faults = []

    def run(self, meanwhile):
        """Log everybody in, let them visit during ``meanwhile(self)``, then check."""
        with running(*[self._process] * self.processes) as processes:
            wait_until(
                lambda: self.ready.value == self.processes * self.threads,
                timeout=60,
                what="everybody is logged in",
            )
            meanwhile(self)
            self.is_over.set()
            self.may_check.set()
            for _ in processes:
                self.faults += self.reports.get()

    def await_visits(self, number):
        wanted = self.visits.value + number
        wait_until(lambda: self.visits.value >= wanted, timeout=60, what="visits")

    def _process(self):
        faults = []
        seed = random.Random().random()
        threads = [
            threading.Thread(target=self._thread, args=[faults, f"{seed} {number}"])
            for number in range(self.threads)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.reports.put(faults)

    def _thread(self, faults, seed):
        try:
            self._visit(faults, random.Random(seed))
        except Exception as error:
            faults.append(repr(error))
            raise
        finally:
            connections.close_all()

    def _visit(self, faults, rng):
        names = (rng.choice(self.users) for _ in range(self.per_thread))
        visitors = [Visitor(name, faults) for name in names]
        for visitor in visitors:
            visitor.log_in()
        with self.ready.get_lock():
            self.ready.value += 1
        while not self.is_over.is_set():
            rng.choice(visitors).visit(rng)
            with self.visits.get_lock():
                self.visits.value += 1
        assert self.may_check.wait(60)
        for visitor in visitors:
            visitor.check()

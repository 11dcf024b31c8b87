"""The contenders' sites behind gunicorn, one worker process each."""

import os
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks.scripts import ROOT, environment, python_of
from tests.servers import MariaDB, Redis
from tests.waiting import wait_until

APPLICATIONS = {
    "flask": "tests.benchmarks.web_flask:application",
    "django": "tests.benchmarks.web_django:application",
    "inkstone": "config.wsgi:application",
}
WORKERS = {
    "gevent": ["--worker-class", "gevent"],
    "gthread": ["--worker-class", "gthread", "--threads", "8"],
}


def environment_of_sites(mariadb: MariaDB, redis: Redis) -> dict[str, str]:
    return {
        **environment(mariadb, f"redis://127.0.0.1:{redis.port}/0"),
        "DJANGO_SETTINGS_MODULE": "tests.benchmarks.web_inkstone",
        "ENV_FILE": os.devnull,
        "DEBUG": "0",
        "SECRET_KEY": "only-for-benchmarks",
        "ALLOWED_HOSTS": "127.0.0.1",
        "USE_HTTPS": "0",
        "DATABASE_URL": mariadb.url,
        "DATABASE_POOL": '{"maxconnections": 10}',
        "REDIS_URL": f"redis://127.0.0.1:{redis.port}/1",
        "EMAIL_URL": "dummymail://",
        "LANGUAGE_CODE": "en",
        # WhiteNoise's, of files that nobody has collected or asks for.
        "PYTHONWARNINGS": "ignore:No directory at",
    }


@dataclass(frozen=True)
class Site:
    address: str
    process: subprocess.Popen

    def processor_seconds(self) -> float:
        """Time that the worker has used, whatever else the machine was doing."""
        pid = self.process.pid
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        assert len(children) == 1, f"{len(children)} workers instead of one"
        # After the name, which may have spaces, the 12th and 13th field: user, system.
        fields = (
            Path(f"/proc/{children[0]}/stat").read_text().rpartition(")")[2].split()
        )
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def serving(
    contender: str, worker: str, peers_python: Path, env: dict[str, str]
) -> Iterator[Site]:
    """Start a site; give it once it answers. Ended by its process alone."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{listener.getsockname()[1]}"
        python = python_of(contender, peers_python)
        bind = ["--bind", f"fd://{listener.fileno()}", "--log-level", "warning"]
        site = subprocess.Popen(
            [
                python,
                "-m",
                "gunicorn",
                *WORKERS[worker],
                *bind,
                APPLICATIONS[contender],
            ],
            cwd=ROOT,
            env=env,
            pass_fds=[listener.fileno()],
        )
        try:
            wait_until(lambda: answers(site, f"{address}/bench/uncached"), timeout=30)
            yield Site(address, site)
        finally:
            site.terminate()
            site.wait(30)


def answers(site: subprocess.Popen, url: str) -> bool:
    assert site.poll() is None, f"gunicorn ended with status {site.returncode}"
    try:
        get(url)
    except OSError:
        return False
    return True


def get(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=10) as response:
        assert response.status == 200
        return response.read()


def bootstrap(env: dict[str, str]) -> None:
    """Fill the site with its sample articles."""
    command = [sys.executable, "manage.py", "bootstrap"]
    subprocess.run(command, cwd=ROOT, env=env, check=True, stdout=subprocess.DEVNULL)

"""Load from wrk: installed, or unpacked into .servers without touching the machine."""

import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from tests.binaries import SERVERS, BinaryMissing, environment

CONNECTIONS = 32
UNPACKED = SERVERS / "wrk"
SEND_COOKIES = Path(__file__).with_name("send_cookies.lua")


def find_wrk() -> Path:
    if found := shutil.which("wrk"):
        return Path(found)
    if not UNPACKED.exists():
        fetch_wrk()
    return UNPACKED / "usr/bin/wrk"


def fetch_wrk() -> None:
    SERVERS.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=SERVERS) as folder:
        root = Path(folder) / "root"
        try:
            plan = run("apt-get", "install", "--simulate", "wrk")
            names = re.findall(r"^Inst (\S+)", plan, re.MULTILINE)
            unsandboxed = "-oAPT::Sandbox::User=root"
            run("apt-get", unsandboxed, "download", *names, cwd=folder)
            for package in Path(folder).glob("*.deb"):
                run("dpkg", "-x", package, root)
        except (OSError, subprocess.CalledProcessError) as error:
            raise BinaryMissing(
                f"wrk is not on PATH and could not be fetched ({error}): install wrk."
            ) from None
        root.rename(UNPACKED)


def run(*command: str | Path, **options: object) -> str:
    done = subprocess.run(
        command, check=True, capture_output=True, text=True, **options
    )
    return done.stdout


@dataclass(frozen=True)
class Load:
    requests: int
    per_second: float


def load(wrk: Path, url: str, seconds: float, cookies: Path | None = None) -> Load:
    """Ask for one address over kept connections; every answer must be a 200.

    ``cookies``: a file with one Cookie header per line, which are sent in turn.
    """
    duration = f"{max(1, round(seconds))}s"
    options = ["-t1", f"-c{CONNECTIONS}", f"-d{duration}", "--timeout", "30s"]
    if cookies:
        command = [wrk, *options, "-s", SEND_COOKIES, url, "--", cookies]
    else:
        command = [wrk, *options, url]
    printed = run(*command, env=environment(wrk))
    if "Non-2xx" in printed or "Socket errors" in printed:
        raise AssertionError(printed)
    requests = re.search(r"(\d+) requests in", printed)
    per_second = re.search(r"Requests/sec:\s+([\d.]+)", printed)
    assert requests and per_second, printed
    return Load(int(requests[1]), float(per_second[1]))

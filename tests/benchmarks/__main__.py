"""Measure Inkstone beside its peers in one run: ``make bench``.

usage: python -m tests.benchmarks [--rounds N] [--seconds N] [--reads N] [pool …]

Every contender runs in a process of its own, all of them once per round, so that a
noisy moment meets them alike. Printed are medians over the rounds and their ratios;
absolute figures mean nothing on another machine.
"""

import argparse
import subprocess
import sys
from pathlib import Path

from tests.benchmarks import imports, messages, pool, sessions, stale, web

FOLDER = Path(__file__).parent
PEERS = FOLDER.parents[1] / ".venv-peers"
BENCHMARKS = {
    "import": imports.run,
    "messages": messages.run,
    "pool": pool.run,
    "sessions": sessions.run,
    "stale": stale.run,
    "web": web.run,
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks")
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(BENCHMARKS))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument(
        "--seconds", type=float, default=8, help="of one measurement under load"
    )
    parser.add_argument(
        "--reads", type=int, default=1_000_000, help="of Inkstone's cache in stale"
    )
    options = parser.parse_args()
    unknown = set(options.names) - set(BENCHMARKS)
    if unknown:
        parser.error(f"unknown: {', '.join(unknown)}; known: {', '.join(BENCHMARKS)}")
    peers_python = prepare_peers()
    for name in options.names or BENCHMARKS:
        BENCHMARKS[name](peers_python=peers_python, options=options)


def prepare_peers() -> Path:
    """Install the peers into an environment of their own; give its Python."""
    python = PEERS / "bin" / "python"
    stamp = PEERS / "installed.txt"
    wanted = (FOLDER / "peers.txt").read_text()
    if not stamp.exists() or stamp.read_text() != wanted:
        subprocess.run([sys.executable, "-m", "venv", PEERS], check=True)
        install = [python, "-m", "pip", "install", "--quiet", "-r"]
        subprocess.run([*install, FOLDER / "peers.txt"], check=True)
        stamp.write_text(wanted)
    return python


if __name__ == "__main__":
    main()

"""Run the whole suite: ``python -m tests [pytest's options]``.

The two stacks run side by side, each with servers of its own; much of the time goes
into waiting for those. What the second one prints follows when the first has ended.
"""

import subprocess
import sys
import tempfile

# These know no stack: once is enough.
OWN_SERVERS = [
    "tests/test_binaries.py",
    "tests/test_servers.py",
    "tests/core/db/faults",
]
NO_DATABASE = ["tests/core/importing/reading", "tests/core/importing/test_workbooks.py"]


def command(stack: str, ignored: list[str]) -> list[str]:
    ignore = [f"--ignore={path}" for path in ignored]
    own = [f"cache_dir=.pytest_cache/{stack}"]
    options = ["-o", *own, *ignore, *sys.argv[1:]]
    return [sys.executable, "-m", "pytest", "--stack", stack, *options]


def main() -> int:
    with tempfile.TemporaryFile() as output:
        embedded = subprocess.Popen(
            command("embedded", OWN_SERVERS), stdout=output, stderr=subprocess.STDOUT
        )
        try:
            real = subprocess.run(command("real", NO_DATABASE))
        finally:
            status = embedded.wait()
            output.seek(0)
            sys.stdout.write(output.read().decode(errors="replace"))
    return real.returncode or status


if __name__ == "__main__":
    sys.exit(main())

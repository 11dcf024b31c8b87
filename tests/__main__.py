"""Run the whole suite: ``python -m tests [pytest's options]``.

The two stacks run side by side, each with servers of its own; much of the time goes
into waiting for those. What the second one prints follows when the first has ended.
"""

import subprocess
import sys
import tempfile

# These know no database, or start servers of their own: once is enough.
NO_STACK = [
    "tests/core/db/faults",
    "tests/core/importing/reading",
    "tests/core/importing/test_workbooks.py",
    "tests/test_binaries.py",
    "tests/test_servers.py",
]


def command(stack: str, ignored: list[str]) -> list[str]:
    ignore = [f"--ignore={path}" for path in ignored]
    own = [f"cache_dir=.pytest_cache/{stack}"]
    options = ["-o", *own, *ignore, *sys.argv[1:]]
    return [sys.executable, "-m", "pytest", "--stack", stack, *options]


def main() -> int:
    with tempfile.TemporaryFile() as output:
        embedded = subprocess.Popen(
            command("embedded", []), stdout=output, stderr=subprocess.STDOUT
        )
        try:
            real = subprocess.run(command("real", NO_STACK))
        finally:
            status = embedded.wait()
            output.seek(0)
            sys.stdout.write(output.read().decode(errors="replace"))
    return real.returncode or status


if __name__ == "__main__":
    sys.exit(main())

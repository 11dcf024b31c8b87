import subprocess
import sys
from contextlib import ExitStack

import pytest

from tests.core.importing.workbooks import save_workbook

ROWS = 1500


@pytest.fixture
def tags_file(tmp_path):
    rows = [[f"name {number}", f"slug-{number}"] for number in range(ROWS)]
    return save_workbook(tmp_path, [["name", "slug"], *rows])


@pytest.fixture
def start(settings):
    """Start an import in a process of its own: ``start("kill", "reading", file)``."""
    with ExitStack() as processes:

        def start(how, moment, file, env=None):
            module = "tests.core.importing.runs.programs"
            process = processes.enter_context(
                subprocess.Popen(
                    [sys.executable, "-m", module, how, moment, str(file)],
                    cwd=settings.BASE_DIR,
                    env=env,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    text=True,
                )
            )
            processes.callback(process.kill)
            return process

        yield start

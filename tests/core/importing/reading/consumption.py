"""usage: python -m tests.core.importing.reading.consumption FILE

Reads the first sheet of a file and prints how many rows it has and by how many KiB
the memory of the process grew at most.
"""

import re
import sys
from pathlib import Path

from django.conf import settings

from core.importing.reading import open_source


def peak_kib():
    # What getrusage() tells begins with the memory of the process that forked.
    status = Path("/proc/self/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+) kB", status)[1])


if __name__ == "__main__":
    settings.configure(USE_I18N=False)
    before = peak_kib()
    with open_source(Path(sys.argv[1])) as source:
        rows = sum(1 for _ in source.sheet().rows())
    print(rows, peak_kib() - before)

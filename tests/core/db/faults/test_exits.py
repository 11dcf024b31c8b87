"""Programs that end without giving their connections back."""

import pytest

from tests.waiting import wait_until


@pytest.mark.parametrize(
    "way",
    [
        "keep_lease",
        "keep_transaction",
        "keep_unread_rows",
        "keep_in_a_cycle",
        "keep_in_daemon_threads",
    ],
)
def test_program_ends_in_silence_and_leaves_no_session(run_to_end, root, way):
    before = root.processes()

    ended = run_to_end("exits", way)

    assert (ended.returncode, ended.stderr) == (0, "")
    wait_until(lambda: root.processes() <= before | sleeping(root))
    assert root.entries() == []


def sleeping(root):
    """Give sessions whose client is gone, which MariaDB notices after the query."""
    return {number for number in root.processes() if root.statement_of(number)}

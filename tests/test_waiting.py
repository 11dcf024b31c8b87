import pytest

from tests.waiting import wait_until


def test_returns_the_first_true_result():
    results = iter([None, 0, "ready"])

    assert wait_until(lambda: next(results)) == "ready"


def test_names_what_did_not_happen():
    with pytest.raises(TimeoutError, match="the lamp is lit: not true within 0 sec"):
        wait_until(lambda: False, timeout=0, what="the lamp is lit")

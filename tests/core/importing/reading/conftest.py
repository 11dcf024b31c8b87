import re

import pytest

from core.importing.reading import worksheet


@pytest.fixture(params=["fast", "exact"])
def reader(request, monkeypatch):
    """Read rows by their shape where possible, or all of them exactly."""
    if request.param == "exact":
        monkeypatch.setattr(worksheet, "ROWS_START", re.compile(b"<never>"))
    return request.param

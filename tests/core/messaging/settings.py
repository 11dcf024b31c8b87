"""The settings of the tests, for processes that send the messages of the tests."""

from pathlib import Path

from tests.settings import *  # noqa: F403
from tests.settings import TEMPLATES

TEMPLATES[0]["DIRS"].insert(0, Path(__file__).parent / "templates")

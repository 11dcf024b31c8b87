"""docs/pool.md says what the code does."""

import json
import re
from pathlib import Path

import pytest

from core.db.mysql import checks
from core.db.mysql.options import KNOWN, PoolOptions
from tests.core.db.test_options import DBUTILS, DBUTILS_LARGER

PAGE = (Path(__file__).parents[3] / "docs/pool.md").read_text(encoding="utf-8")
OPTIONS = dict(re.findall(r"^\| `(\w+)` \| (.+?) \| .+ \|$", PAGE, re.MULTILINE))


@pytest.mark.parametrize("option", sorted(KNOWN))
def test_every_option_is_listed_with_its_default(option):
    words = {"none": (), "the alias": "", "true": True}

    default = words.get(OPTIONS[option], OPTIONS[option])

    assert str(default) == str(getattr(PoolOptions(), option))


def test_every_figure_is_explained(use_mysql):
    listed = re.findall(r"^\| (`\w+`(?:, `\w+`)*) \| ", PAGE, re.MULTILINE)
    explained = set(re.findall(r"\w+", " ".join(listed)))

    assert set(use_mysql().pool.stats()) - {"name"} <= explained


def test_every_warning_is_explained():
    source = Path(checks.__file__).read_text(encoding="utf-8")

    ids = set(re.findall(r"core\.db\.W\d+", source))

    assert len(ids) == 5
    assert ids == set(re.findall(r"core\.db\.W\d+", PAGE))


def test_dictionaries_of_dbutils_equal_what_stands_beside_them():
    pairs = re.findall(r"^\| `(max\w+=.*)` \| `(\{.*\})` \|$", PAGE, re.MULTILINE)

    found = [(eval(f"dict({left})"), json.loads(right)) for left, right in pairs]

    assert [left for left, right in found] == [DBUTILS, DBUTILS_LARGER]
    for left, right in found:
        equal = PoolOptions.parse(right | {"maxshared": 3}, alias="db")
        assert PoolOptions.parse(left, alias="db") == equal

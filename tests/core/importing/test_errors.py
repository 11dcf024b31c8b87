"""How problems are shown."""

import pytest

from core.importing.errors import (
    ImportFailed,
    Problem,
    Problems,
    Reason,
    did_you_mean,
    quoted,
    shown,
)


def message_of(*problems):
    collected = Problems("articles.xlsx", "Articles")
    for problem in problems:
        collected.add(problem)
    with pytest.raises(ImportFailed) as failure:
        collected.raise_if_any()
    return str(failure.value).splitlines()


def test_no_problem_is_no_failure():
    Problems("articles.xlsx", "Articles").raise_if_any()


@pytest.mark.parametrize(
    ("place", "sentence"),
    [
        ({"row": 14, "column": 4, "header": "分类"}, ", cell D14 (分类)"),
        ({"row": 1, "column": 16_384}, ", cell XFD1"),
        ({"row": 14}, ", row 14"),
        ({}, ""),
    ],
)
def test_places(place, sentence):
    problem = Problem(Reason.RULE, "bad.", **place)

    assert message_of(problem)[0] == f"articles.xlsx, sheet Articles{sentence}: bad."


def test_problems_come_in_the_order_of_the_sheet():
    lines = message_of(
        Problem(Reason.RULE, "c.", 3, 1),
        Problem(Reason.RULE, "b.", 2, 2),
        Problem(Reason.RULE, "a.", 2, 1),
    )

    assert [line[-2] for line in lines[:3]] == ["a", "b", "c"]


def test_after_twenty_problems_only_groups_are_shown():
    blank = [Problem(Reason.BLANK, "blank.", row, 1, "title") for row in range(2, 20)]
    unknown = [
        Problem(Reason.UNKNOWN_RELATION, "unknown.", row, 4, "分类")
        for row in range(17, 231)
    ]

    lines = message_of(*blank, *unknown)

    assert len(lines) == 24
    assert lines[20:] == [
        "The first 20 problems are shown; all of them by kind:",
        "  unknown reference in 分类: 214, first cell D17 (分类)",
        "  blank cell in title: 18, first cell A2 (title)",
        "articles.xlsx: 232 problems; nothing was written.",
    ]


def test_collecting_stops_at_the_limit():
    problems = Problems("articles.xlsx", "Articles")
    for row in range(2, 10_500):
        problems.add(Problem(Reason.BLANK, "blank.", row, 1, "title"))

    with pytest.raises(ImportFailed) as failure:
        problems.raise_if_any()

    assert len(failure.value.problems) == 10_000
    assert str(failure.value).splitlines()[-1] == (
        "articles.xlsx: stopped after 10000 problems; nothing was written."
    )


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("two\nlines", "two lines"),
        ("x" * 81, "x" * 79 + "…"),
        ("\x9b31mred", "\N{REPLACEMENT CHARACTER}31mred"),
        ("分类", "分类"),
    ],
)
def test_foreign_text_is_made_fit_to_print(text, line):
    assert shown(text) == line


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, "blank"), ("", "blank"), ("a", '"a"'), (True, "TRUE"), (1.5, "1.5")],
)
def test_quoted_values(value, text):
    assert quoted(value) == text


@pytest.mark.parametrize(
    ("word", "suggestion"), [("Sprot", "Sport"), ("sport", "Sport"), ("zzz", "")]
)
def test_suggestions(word, suggestion):
    assert did_you_mean(word, ["News", "Sport"]) == suggestion

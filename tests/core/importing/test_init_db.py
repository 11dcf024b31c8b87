"""manage.py init_db: arguments, output and exit status."""

import io

import pytest
from django.core.management import CommandError, call_command
from django.utils import translation

from articles.models import Article, Tag
from core.importing.management.commands.init_db import Command
from tests.core.importing.workbooks import save_workbook


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def tags(db, tmp_path):
    return save_workbook(tmp_path, [["name", "slug"], ["A", "a"], ["B", "b"]])


def run(*arguments, **options):
    out = io.StringIO()
    call_command("init_db", *map(str, arguments), stdout=out, **options)
    return out.getvalue()


def test_prints_how_many_rows_came(library, articles):
    out = run(articles(*[{}] * 24), "articles_article")

    assert out == "articles.Article: 24 rows imported from sheet Articles\n"
    assert Article.objects.count() == 24


def test_one_row_is_no_plural(db, tmp_path):
    path = save_workbook(tmp_path, [["name", "slug"], ["A", "a"]])

    assert run(path, "articles.Tag") == (
        "articles.Tag: 1 row imported from sheet Articles\n"
    )


@pytest.mark.parametrize("option", ["-n", "--dry-run"])
def test_dry_run_says_so(tags, option):
    assert run(tags, "articles.Tag", option) == (
        "articles.Tag: 2 rows of sheet Articles can be imported; "
        "this was a dry run, nothing was written\n"
    )
    assert not Tag.objects.exists()


def test_sheet_and_database(tags):
    out = run(tags, "articles.Tag", "--sheet", "Articles", "--database", "default")

    assert out == "articles.Tag: 2 rows imported from sheet Articles\n"


def test_unknown_database_is_a_wrong_argument(tags):
    with pytest.raises(CommandError, match="--database: invalid choice: 'elsewhere'"):
        run(tags, "articles.Tag", "--database", "elsewhere")


def test_quiet(tags):
    assert run(tags, "articles.Tag", verbosity=0) == ""
    assert Tag.objects.count() == 2


def test_failure_is_a_command_error(tags):
    with pytest.raises(CommandError) as failure:
        run(tags, "articles.Tag", "--sheet", "Tags")

    assert str(failure.value) == (
        'articles.xlsx: there is no sheet "Tags"; expected one of: Articles.'
    )


def test_failure_gives_status_1_and_no_traceback(db, capsys, tmp_path):
    arguments = ["manage.py", "init_db", str(tmp_path), "articles_artcle"]

    with pytest.raises(SystemExit) as exit_:
        Command().run_from_argv([*arguments, "--skip-checks"])

    assert exit_.value.code == 1
    assert capsys.readouterr().err == (
        'CommandError: There is no table "articles_artcle"; '
        'did you mean "articles_article"?\n'
    )


def test_speaks_the_language_of_the_site(db, tmp_path, chinese):
    chinese(
        {
            "%(file)s, sheet %(sheet)s, %(place)s: %(problem)s": (
                "%(file)s，工作表 %(sheet)s，%(place)s：%(problem)s"
            ),
            "cell %(cell)s (%(header)s)": "单元格 %(cell)s（%(header)s）",
            "blank; expected a value.": "为空；应填写内容。",
        }
    )
    path = save_workbook(tmp_path, [["name", "slug"], ["A", None]], sheet="标签")

    with translation.override("zh-hans"), pytest.raises(CommandError) as failure:
        run(path, "articles.Tag")

    assert str(failure.value).splitlines()[0] == (
        "articles.xlsx，工作表 标签，单元格 B2（slug）：为空；应填写内容。"
    )


def test_progress_bar_on_a_terminal(tags, monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)

    out = run(tags, "articles.Tag")

    assert "reading: 100 %, 2 rows, " in terminal.getvalue()
    assert "writing" in terminal.getvalue()
    assert terminal.getvalue().endswith("\r\x1b[K")
    assert out == "articles.Tag: 2 rows imported from sheet Articles\n"


@pytest.mark.parametrize("arguments", [["--no-progress"], ["--verbosity", "0"]])
def test_no_progress_bar_if_unwanted(tags, monkeypatch, arguments):
    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)

    run(tags, "articles.Tag", *arguments)

    assert terminal.getvalue() == ""


def test_without_a_terminal_a_long_import_tells_its_progress_line_by_line(
    tags, capsys, monkeypatch
):
    monkeypatch.setattr("core.importing.management.console.SECONDS_UNTIL_LOG", 0)

    run(tags, "articles.Tag")

    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("reading: 100 %, 2 rows, ")


def test_without_a_terminal_a_short_import_is_silent(tags, capsys):
    run(tags, "articles.Tag")

    assert capsys.readouterr().err == ""


def test_help_shows_an_example(capsys):
    Command().print_help("manage.py", "init_db")

    text = capsys.readouterr().out
    assert "Fill a table from a workbook" in text
    assert "  manage.py init_db articles.xlsx articles_article --dry-run\n" in text

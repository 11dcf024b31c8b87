"""manage.py init_db: arguments, output and exit status."""

import io
import json

import pytest
from django.core.management import CommandError, call_command
from django.db import OperationalError
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


def test_options_reach_the_import(tags):
    Tag.objects.create(name="Old", slug="a")

    out = run(tags, "articles.Tag", "--mode", "upsert", "--key", "slug")

    assert out == (
        "articles.Tag: from sheet Articles, 1 rows added, 1 changed, 0 left, 0 deleted\n"
    )


def test_mapping_and_values_on_the_command_line(db, tmp_path):
    path = save_workbook(tmp_path, [["Titel", "?"], ["A", 1]])

    run(
        path,
        "articles.Tag",
        "--map",
        "Titel=name",
        "--set",
        "slug=a",
        "--ignore-extra-columns",
    )

    assert Tag.objects.get().slug == "a"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--map", "Titel"], 'expected two names joined by "="'),
        (["--stop-after", "0"], "expected a number, 1 or more"),
        (["--mode", "merge"], "invalid choice: 'merge'"),
        (["--on-error", "skip"], "--on-error skip needs --rejects FILE"),
    ],
)
def test_wrong_usage(tags, arguments, message):
    with pytest.raises(CommandError) as failure:
        run(tags, "articles.Tag", *arguments)

    assert message in str(failure.value)
    assert not Tag.objects.exists()


def test_missing_arguments_are_wrong_usage():
    with pytest.raises(CommandError, match="FILE and TABLE are required") as failure:
        run()

    assert failure.value.returncode == 2


def test_skipped_rows_go_to_a_workbook(db, tmp_path):
    path = save_workbook(tmp_path, [["name", "slug"], ["A", "a"], ["B", None]])
    rejects = tmp_path / "rejects.xlsx"

    out = run(path, "articles.Tag", "--on-error", "skip", "--rejects", rejects)

    assert out.endswith("1 row imported from sheet Articles (1 row rejected)\n")
    assert rejects.exists()


def test_report_for_programs(tags, tmp_path):
    run(tags, "articles.Tag", "--report", tmp_path / "report.json")

    report = json.loads((tmp_path / "report.json").read_text())
    assert (report["table"], report["inserted"], report["problems"]) == (
        "articles.Tag",
        2,
        [],
    )


def test_report_of_a_failure_names_every_cell(db, tmp_path):
    path = save_workbook(tmp_path, [["name", "slug"], ["A", "no slug!"]])

    with pytest.raises(CommandError):
        run(path, "articles.Tag", "--report", tmp_path / "report.json")

    report = json.loads((tmp_path / "report.json").read_text())
    (problem,) = report["problems"]
    assert (
        problem["reason"],
        problem["row"],
        problem["column"],
        problem["header"],
    ) == (
        "invalid",
        2,
        "B",
        "slug",
    )


def test_report_that_cannot_be_written(tags, tmp_path):
    with pytest.raises(CommandError, match="the file cannot be written"):
        run(tags, "articles.Tag", "--report", tmp_path / "missing" / "report.json")


def test_template_for_a_table(db, tmp_path):
    path = tmp_path / "tags.xlsx"

    out = run("articles.Tag", "--template", path)

    assert out == f"{path} is ready to be filled in.\n"
    assert path.exists()


def test_second_import_of_a_file_needs_force(tags):
    run(tags, "articles.Tag")
    Tag.objects.all().delete()

    with pytest.raises(CommandError, match="use --force to import it again"):
        run(tags, "articles.Tag")
    run(tags, "articles.Tag", "--force")

    assert Tag.objects.count() == 2


def test_first_problem_is_shown_while_the_rest_is_read(db, tmp_path, monkeypatch):
    monkeypatch.setattr(
        "core.importing.management.console.SECONDS_UNTIL_FIRST_PROBLEM", 0
    )
    rows = [["x" * 101, f"slug-{number}"] for number in range(2_000)]
    path = save_workbook(tmp_path, [["name", "slug"], *rows])
    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)

    with pytest.raises(CommandError):
        run(path, "articles.Tag")

    before_the_end = terminal.getvalue().partition("reading: 100 %")[0]
    assert "cell A2 (name): " in before_the_end


def test_failure_of_the_database_is_one_sentence(tags, monkeypatch):
    def fail(self, mode, counts):
        raise OperationalError(2013, "Lost connection to server")

    monkeypatch.setattr("core.importing.merging.merge.Merge.run", fail)

    with pytest.raises(CommandError) as failure:
        run(tags, "articles.Tag")

    assert str(failure.value) == (
        "The database failed (Lost connection to server); the ledger of imports tells "
        "whether rows were written."
    )

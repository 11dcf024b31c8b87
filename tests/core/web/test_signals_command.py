import re

import pytest
from django.core.management import CommandError, call_command
from django.db.models import signals as model_signals
from django.db.models.signals import post_delete, post_init, post_save, pre_delete

import core.signals
from articles.models import Article, Tag
from core.web.signal_map import all_signals


@pytest.fixture
def connect():
    """Connect receivers for the length of a test."""
    connected = []

    def connect_to(signal, receiver, **options):
        signal.connect(receiver, **options)
        connected.append((signal, receiver, options))

    yield connect_to
    for signal, receiver, options in connected:
        named = {n: v for n, v in options.items() if n in ("sender", "dispatch_uid")}
        signal.disconnect(receiver, **named)


@pytest.fixture
def run(capsys):
    """Run the command; give what it prints, without colours."""

    def run_command(*args):
        call_command("signals", *args, no_color=True)
        return capsys.readouterr().out

    return run_command


def receive(**kwargs):
    pass


def test_finds_djangos_signals_and_ours():
    found = all_signals()

    assert found["core.signals.table_imported"] is core.signals.table_imported
    assert found["django.db.models.signals.post_save"] is post_save
    for name in vars(model_signals):
        if name.startswith(("pre_", "post_")):
            assert f"django.db.models.signals.{name}" in found


def test_shows_receiver_with_place_and_connection(run, connect):
    connect(post_save, receive, sender=Tag, dispatch_uid="tests.receive", weak=False)

    line = next(line for line in run().splitlines() if "tests.receive" in line)

    place = rf"tests/core/web/test_signals_command.py:{receive.__code__.co_firstlineno}"
    assert re.fullmatch(
        rf"  {__name__}.receive  {place}  sender=articles.Tag  "
        r"dispatch_uid=tests.receive",
        line,
    )


def test_shows_what_one_sender_sets_off(run, connect):
    connect(post_save, receive, sender=Tag)

    shown = run("--sender", "articles.article")

    assert "articles.receivers.row_changed" in shown
    assert "sender=articles.Article" in shown
    assert "sender=articles.Tag" not in shown


def test_says_that_nothing_listens_to_a_sender(run):
    assert run("--sender", "articles.Nothing") == (
        'No receiver is connected to the sender "articles.Nothing".\n'
    )


def test_receivers_of_the_site_are_in_order(run):
    assert run("--check") == "All receivers of signals are in order.\n"


def failing_check(run, capsys):
    with pytest.raises(CommandError) as failure:
        run("--check")
    assert failure.value.returncode == 1
    return str(failure.value), capsys.readouterr().out


@pytest.mark.parametrize("signal", [pre_delete, post_delete, post_init])
def test_check_refuses_a_receiver_for_every_model(signal, run, connect, capsys):
    connect(signal, receive)

    sentence, shown = failing_check(run, capsys)

    assert sentence == "1 problem with receivers of signals."
    assert f"{__name__}.receive" in shown
    assert "has no sender" in shown


def test_check_refuses_what_will_vanish(run, connect, capsys):
    def local(**kwargs):
        pass

    connect(post_save, local, sender=Article)

    assert "connect it with weak=False" in failing_check(run, capsys)[1]


def test_check_refuses_what_takes_no_more_arguments(run, connect, capsys):
    def receive_little(sender, signal):
        pass

    connect(post_save, receive_little, sender=Article, weak=False)

    assert "does not take **kwargs" in failing_check(run, capsys)[1]


def test_check_refuses_what_runs_twice(run, connect, capsys):
    for uid in ("a", "b"):
        connect(post_save, receive, sender=Article, dispatch_uid=uid)

    sentence, shown = failing_check(run, capsys)

    assert sentence == "2 problems with receivers of signals."
    assert "is connected 2 times for this sender" in shown


def test_methods_of_two_objects_are_two_receivers(run, connect):
    class Listener:
        def receive(self, **kwargs):
            pass

    for listener in (Listener(), Listener()):
        connect(post_save, listener.receive, sender=Article, weak=False)

    assert run("--check") == "All receivers of signals are in order.\n"

from argparse import ArgumentParser
from collections.abc import Sequence
from typing import Any

from django.core.management import BaseCommand, CommandError
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from core.web.signal_map import Connection, all_signals, connections


class Command(BaseCommand):
    help = (
        "Show every signal, Django's own and the project's, with its receivers: the "
        "sender they are connected to, file and line, whether they are only weakly "
        "referenced, dispatch_uid."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--sender",
            metavar="SENDER",
            help="show only what is connected to this sender, such as articles.Article",
        )
        parser.add_argument(
            "--check",
            action="store_true",
            help="show only receivers that will surprise somebody; exit status 1 if "
            "there are any",
        )

    def handle(self, *, sender: str | None, check: bool, **options: Any) -> None:
        signals = all_signals()
        found = [
            connection
            for connection in connections(signals)
            if sender is None or connection.sender.lower() == sender.lower()
        ]
        if check:
            self.check_receivers(found)
        elif sender is None:
            self.show(found, names=signals)
        elif found:
            self.show(found, names=dict.fromkeys(item.signal for item in found))
        else:
            message = _('No receiver is connected to the sender "%s".') % sender
            self.stdout.write(message)

    def show(self, found: Sequence[Connection], names: Any) -> None:
        for name in names:
            self.stdout.write(self.style.MIGRATE_HEADING(name))
            for item in found:
                if item.signal == name:
                    self.stdout.write(f"  {item}")

    def check_receivers(self, found: Sequence[Connection]) -> None:
        faults = [(item, problem) for item in found for problem in item.problems]
        for item, problem in faults:
            self.stdout.write(
                f"{item.place}: {item.receiver} ({item.signal}) {problem}"
            )
        if faults:
            text = ngettext(
                "%d problem with receivers of signals.",
                "%d problems with receivers of signals.",
                len(faults),
            )
            raise CommandError(text % len(faults))
        self.stdout.write(_("All receivers of signals are in order."))

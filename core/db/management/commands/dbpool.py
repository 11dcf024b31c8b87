import json
from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from django.core.management import BaseCommand, CommandError
from django.db import DEFAULT_DB_ALIAS
from django.utils.translation import gettext as _

from core.db.management.databases import answering, pooled


class Command(BaseCommand):
    help = (
        "Show the connection pool of a MySQL database: the options in force, what the "
        "server knows of the site's connections, and the pool of this process (each "
        "process has its own). With --drain, ask the server to end the connections "
        "that nobody uses; the pools replace them without an error."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--database", default=DEFAULT_DB_ALIAS, metavar="ALIAS")
        parser.add_argument("--json", action="store_true", help="print one JSON object")
        parser.add_argument(
            "--drain", action="store_true", help="end the connections that are idle"
        )
        parser.add_argument(
            "--idle",
            type=_whole_seconds,
            default=30,
            metavar="SECONDS",
            help="with --drain: those idle for more than so long, outside of any "
            "transaction; longer than a request computes between two queries "
            "(default: %(default)s)",
        )

    def handle(
        self, *, database: str, json: bool, drain: bool, idle: int, **options: Any
    ) -> None:
        connection = pooled(database)
        with answering(database):
            report = self.drain(connection, idle) if drain else self.status(connection)
        self.print(report, as_json=json)

    def status(self, connection: Any) -> dict[str, Any]:
        from core.db.mysql import server

        options = asdict(connection.pool.options)
        return {
            "database": connection.alias,
            "options": {k: v for k, v in options.items() if k != "warnings"},
            "server": server.values(connection),
            "connections": server.by_program(server.sessions(connection)),
            "this_process": connection.pool.stats(),
        }

    def drain(self, connection: Any, idle_seconds: int) -> dict[str, Any]:
        from core.db.mysql import server

        name = connection.pool.options.name
        try:
            drained = server.drain(connection, name=name, idle_seconds=idle_seconds)
        except server.TransactionsHidden:
            raise CommandError(
                _(
                    "The account of the database may not see open transactions, so "
                    "that one could be cut: GRANT PROCESS ON *.* TO the account."
                )
            ) from None
        except server.TransactionsOutdated:
            raise CommandError(
                _(
                    "The server's list of open transactions is out of date, because "
                    "another program reads it more than ten times a second; nothing "
                    "was ended."
                )
            ) from None
        return {"database": connection.alias, "drained": asdict(drained)}

    def print(self, report: dict[str, Any], *, as_json: bool) -> None:
        if as_json:
            self.stdout.write(json.dumps(report, indent=2))
        elif "drained" in report:
            self.print_drained(report["drained"])
        else:
            self.print_status(report)

    def print_drained(self, drained: Mapping[str, int]) -> None:
        message = _(
            "Ended %(ended)d idle connections. Left alone: %(in_use)d in use, "
            "%(in_transaction)d in a transaction, %(foreign)d of other programs."
        )
        self.stdout.write(message % drained)

    def print_status(self, report: Mapping[str, Any]) -> None:
        alias = report["database"]
        self.print_values(_('Options of the pool of "%s"') % alias, report["options"])
        self.print_values(_("The server"), report["server"])
        self.print_connections(report["connections"])
        self.print_values(_("The pool of this process"), report["this_process"])

    def print_values(self, title: str, values: Mapping[str, Any]) -> None:
        self.stdout.write(self.style.MIGRATE_HEADING(title))
        for name, value in values.items():
            self.stdout.write(f"  {name:<20} {_shown(value)}")

    def print_connections(self, groups: list[dict[str, Any]]) -> None:
        total = sum(group["connections"] for group in groups)
        title = _("Connections of the site to this database: %d") % total
        self.stdout.write(self.style.MIGRATE_HEADING(title))
        columns = "program", "host", "connections", "idle", "in_transaction"
        for row in [dict(zip(columns, columns, strict=True)), *groups]:
            cells = [_shown(row[column]) for column in columns]
            self.stdout.write(
                "  {:<20} {:<20} {:>11} {:>5} {:>14}".format(*cells).rstrip()
            )


def _shown(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key}: {item}" for key, item in value.items()) or "-"
    return "-" if value in (None, "", ()) else str(value)


def _whole_seconds(text: str) -> int:
    if text.isascii() and text.isdigit() and int(text) >= 1:
        return int(text)
    raise ArgumentTypeError(f"{text!r}: expected a whole number of seconds, 1 or more")

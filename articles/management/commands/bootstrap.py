import secrets
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.db import transaction

from accounts.models import User
from articles.models import Banner
from core.web.commands import ContextCommand

SAMPLE_WORKBOOK = settings.BASE_DIR / "samples" / "inkstone.xlsx"
SAMPLE_SHEETS = {
    "categories": "articles.Category",
    "tags": "articles.Tag",
    "articles": "articles.Article",
}
SAMPLE_AUTHORS = {
    "shiyan": ("石砚", ""),
    "linmo": ("林墨", ""),
    "ada": ("Ada", "Marsh"),
}
"""Username to first and last name as they are shown; nobody can log in as these."""


class Command(ContextCommand):
    help = (
        "Prepare the database: apply migrations and, if there are no users yet, "
        "create an administrator (the password is printed once) and sample content. "
        "Safe to run again: existing data stays as it is."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--no-sample", action="store_true", help="leave out the sample content"
        )

    def handle(self, *, no_sample: bool, **options: Any) -> None:
        call_command("migrate", verbosity=0, interactive=False)
        if User.objects.exists():
            self.stdout.write("The database is up to date; its data was kept.")
            return
        password = secrets.token_urlsafe(12)
        # In one transaction: an interrupted first run starts over the next time.
        with transaction.atomic():
            User.objects.create_superuser("admin", password=password)
            if not no_sample:
                self.create_sample_content()
        self.stdout.write(
            "Administrator: admin, password: "
            + self.style.SUCCESS(password)
            + " (shown this once; change it under /admin/)"
        )

    def create_sample_content(self) -> None:
        for username, (first, last) in SAMPLE_AUTHORS.items():
            User.objects.create_user(username, first_name=first, last_name=last)
        for sheet, label in SAMPLE_SHEETS.items():
            call_command(
                "init_db", SAMPLE_WORKBOOK, label, sheet=sheet, stdout=self.stdout
            )
        Banner.objects.bulk_create(
            [
                Banner(
                    title="From Flask to Django, with nothing lost",
                    text="A pool, signals, commands and an Excel import that hold.",
                    colour=Banner.Colour.INK,
                    link="/articles/",
                    position=1,
                ),
                Banner(
                    title="一份 Excel，一条命令",
                    text="python manage.py init_db 文件.xlsx 表名：全部写入，或者一行不写。",
                    colour=Banner.Colour.CINNABAR,
                    link="/search/?q=init_db",
                    position=2,
                ),
                Banner(
                    title="Half a transaction is worse than none",
                    text="Why a pool must never repeat a statement behind your back.",
                    colour=Banner.Colour.INDIGO,
                    link="/categories/database/",
                    position=3,
                ),
            ]
        )

from typing import Any

from django.core.management import BaseCommand

from accounts.orders import expire_orders


class Command(BaseCommand):
    help = (
        "Close the orders that were not paid in time. Meant for cron; run twice, or "
        "twice at once, it does no harm."
    )

    def handle(self, **options: Any) -> None:
        self.stdout.write(f"{expire_orders()} orders expired.")

"""`manage.py verify_ledger`: recompute the ledger; exit 1 when anything differs."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from affiliates.domain.verify import ledger_differences


class Command(BaseCommand):
    help = "Recompute every sum of the ledger and compare commissions, transfers, entries and campaign costs."

    def handle(self, **options: Any) -> None:
        differences = ledger_differences()
        for difference in differences:
            self.stdout.write(difference)
        if differences:
            raise CommandError(f"{len(differences)} differences found.")
        self.stdout.write("The ledger is right: every transfer balances and every commission is booked.")

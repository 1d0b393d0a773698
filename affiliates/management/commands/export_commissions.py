"""`manage.py export_commissions`: the commission CSV, as the admin exports it."""

from argparse import ArgumentParser
from datetime import date
from typing import Any

from django.core.management.base import BaseCommand

from affiliates.domain.queries import commissions_between
from affiliates.resources import commissions_csv
from tracker_project.common.time import day_bounds


class Command(BaseCommand):
    help = "Write commissions as CSV to standard output; days are UTC days of booking, both ends included."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--from", dest="first_day", type=date.fromisoformat, metavar="YYYY-MM-DD")
        parser.add_argument("--to", dest="last_day", type=date.fromisoformat, metavar="YYYY-MM-DD")

    def handle(self, *, first_day: date | None, last_day: date | None, **options: Any) -> None:
        starts_at = day_bounds(first_day, "UTC")[0] if first_day else None
        ends_at = day_bounds(last_day, "UTC")[1] if last_day else None
        self.stdout.write(commissions_csv(commissions_between(starts_at, ends_at)), ending="")

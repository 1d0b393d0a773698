"""`manage.py campaign_days`: the table campaign × day, as the admin shows it."""

import json
from argparse import ArgumentParser
from datetime import UTC, date, datetime, timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from analytics.domain.campaign_days import campaign_days
from analytics.rendering import campaign_days_csv, plain_row


class Command(BaseCommand):
    help = "Print clicks, first deposits, cost, CPA and revenue by campaign and day: CSV, or JSON with amounts as text."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", dest="as_json", help="one JSON list of rows")
        parser.add_argument("--from", dest="first", type=date.fromisoformat, help="first day (default: a month ago)")
        parser.add_argument("--to", dest="last", type=date.fromisoformat, help="last day, included (default: tomorrow)")

    def handle(self, *args: Any, **options: Any) -> None:
        # Tomorrow by default: east of Greenwich the day after ours may have begun.
        today = datetime.now(UTC).date()
        last = options["last"] or today + timedelta(days=1)
        first = options["first"] or last - timedelta(days=31)
        if first > last:
            raise CommandError(f"--from {first} is after --to {last}.")
        rows = campaign_days(first=first, last=last)
        if options["as_json"]:
            self.stdout.write(json.dumps([plain_row(row) for row in rows], indent=1))
        else:
            self.stdout.write(campaign_days_csv(rows), ending="")

"""Pulls of reports, and rounds of them."""

from datetime import date, datetime, timedelta
from typing import Any

from conversions.domain.pulling import pull_due_reports
from conversions.models import ReportPull
from tests.conversions.builders import make_endpoint
from tests.world import NOON

TOKEN = "eyJ-token-of-the-tests"
# Three days after the tests' noon, as long as nothing else is said.
TODAY = NOON + timedelta(days=3)


def make_appsflyer_pull(**columns: Any) -> ReportPull:
    endpoint = columns.pop("endpoint", None) or make_endpoint("appsflyer")
    defaults = {"app_id": "com.casino.app", "token": TOKEN, "starts_on": date(2026, 11, 1), "next_pull_at": NOON}
    return ReportPull.objects.create(endpoint=endpoint, **defaults | columns)


def make_adjust_pull(**columns: Any) -> ReportPull:
    defaults = {
        "endpoint": make_endpoint("adjust"),
        "app_id": "abc123",
        "token": TOKEN,
        "bucket": "raw-data",
        "region": "eu-west-1",
        "access_key": "AKIATESTS",
        "starts_on": date(2026, 11, 20),
        "next_pull_at": NOON,
    }
    return ReportPull.objects.create(**defaults | columns)


def pull(*, at: datetime = TODAY) -> None:
    """Fetch what is due, with a clock that stands still."""
    pull_due_reports(clock=lambda: at, for_seconds=60)

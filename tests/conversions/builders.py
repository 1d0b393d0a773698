"""Builders of reported events and of what they make."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from attribution.domain.credit import Claim
from conversions.domain.endpoint_keys import hash_key
from conversions.domain.inbox import Recorded
from conversions.domain.recording import record_deposit, record_registration
from conversions.domain.reported import ReportedDeposit, ReportedRegistration
from conversions.models import Conversion, Endpoint, Platform
from tests.world import NOON, make_platform
from tracker_project.common.money import Money

LATER = NOON + timedelta(days=3)


def register(platform: Platform, event_id: str = "reg-1", *, at: datetime = LATER, **fields: Any) -> Recorded:
    """Record a registration of player p-1 an hour after noon."""
    click_id = fields.pop("click_id", "")
    defaults: dict[str, Any] = {
        "player_id": "p-1",
        "occurred_at": NOON + timedelta(hours=1),
        "claim": Claim(click_id=click_id),
    }
    reported = ReportedRegistration(event_id=event_id, **defaults | fields)
    return record_registration(reported, platform=platform, webhook_id=f"msg-{event_id}", at=at)


def deposit(
    platform: Platform,
    event_id: str = "dep-1",
    *,
    amount: str = "100",
    currency: str = "EUR",
    at: datetime = LATER,
    **fields: Any,
) -> Recorded:
    """Record a confirmed deposit of player p-1 two hours after noon, transaction t-1."""
    defaults: dict[str, Any] = {
        "player_id": "p-1",
        "transaction_id": "t-1",
        "status": "confirmed",
        "occurred_at": NOON + timedelta(hours=2),
        "money": Money(amount=Decimal(amount), currency=currency),
    }
    reported = ReportedDeposit(event_id=event_id, **defaults | fields)
    return record_deposit(reported, platform=platform, webhook_id=f"msg-{event_id}", at=at)


def the_deposit(transaction_id: str = "t-1") -> Conversion:
    return Conversion.objects.get(kind="deposit", transaction_id=transaction_id)


def make_endpoint(dialect: str, *, key: str = "key-of-the-tests", **columns: Any) -> Endpoint:
    """Make an endpoint, of a platform of its own unless one is given, that takes `key`."""
    columns.setdefault("platform", None)
    columns["platform"] = columns["platform"] or make_platform()
    number = Endpoint.objects.count() + 1
    defaults = {"name": f"Endpoint {number}", "slug": f"endpoint-{number}", "key_hash": hash_key(key)}
    return Endpoint.objects.create(dialect=dialect, **defaults | columns)

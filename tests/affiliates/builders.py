"""Builders of partners' terms and of the deposits that they are paid for."""

import itertools
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from affiliates.models import CommissionPlan, CommissionPlanVersion, PartnerAccount
from conversions.models import Conversion, Player
from tests.world import NOON, make_campaign, make_partner, make_platform

LATER = NOON + timedelta(hours=1)

_numbers = itertools.count(1)


def make_plan(**columns: Any) -> CommissionPlan:
    return CommissionPlan.objects.create(**{"name": f"Plan {next(_numbers)}", "currency": "EUR"} | columns)


def make_version(plan: CommissionPlan, **columns: Any) -> CommissionPlanVersion:
    """Make a version that began 30 days before noon: 120.00 for a first deposit of at least 20.00, held 14 days."""
    defaults = {
        "plan": plan,
        "starts_at": NOON - timedelta(days=30),
        "cpa_amount": Decimal(120),
        "minimum_deposit": Decimal(20),
        "hold_days": 14,
    }
    return CommissionPlanVersion.objects.create(**defaults | columns)


def make_partner_account(**columns: Any) -> PartnerAccount:
    """Make an account on a plan of 120.00 EUR; `plan` and `partner` may be given."""
    if "plan" not in columns:
        columns["plan"] = make_plan()
        make_version(columns["plan"])
    if "partner" not in columns:
        columns["partner"] = make_partner()
    return PartnerAccount.objects.create(**{"legal_name": "Lotus Media Ltd"} | columns)


def make_player(**columns: Any) -> Player:
    if "platform" not in columns:
        columns["platform"] = make_platform()
    defaults = {"player_id": f"p-{next(_numbers)}", "created_at": NOON}
    return Player.objects.create(**defaults | columns)


def make_deposit(player: Player | None = None, **columns: Any) -> Conversion:
    """Make a confirmed, approved first deposit of 100.00 EUR at noon whose booking is due."""
    player = player or make_player()
    number = next(_numbers)
    defaults = {
        "platform": player.platform,
        "player": player,
        "kind": "deposit",
        "transaction_id": f"t-{number}",
        "status": "confirmed",
        "amount": Decimal(100),
        "currency": "EUR",
        "occurred_at": NOON,
        "first_event_id": f"e-{number}",
        "received_at": NOON,
        "is_settled": True,
        "is_first_deposit": True,
        "review_state": "approved",
        "booking_state": "due",
    }
    return Conversion.objects.create(**defaults | columns)


def make_earning_deposit(account: PartnerAccount | None = None, **columns: Any) -> Conversion:
    """Make a first deposit that was brought by a partner through a campaign: 120.00 EUR are owed for it."""
    account = account or make_partner_account()
    if "campaign" not in columns:
        columns["campaign"] = make_campaign(cost_model="cpa")
    return make_deposit(**{"partner": account.partner} | columns)


def charge_back(deposit: Conversion, *, at: datetime = LATER) -> None:
    """Leave the deposit as recording leaves one that was charged back."""
    Conversion.objects.filter(pk=deposit.pk).update(
        status="charged_back", reversed_at=at, is_valuable=False, review_state="pending", booking_state="due"
    )

"""Builders of conversions that wait for review."""

import itertools
from decimal import Decimal
from typing import Any

from conversions.models import Conversion, Player
from tests.world import NOON, make_platform

_numbers = itertools.count(1)


def make_pending(player: dict[str, Any] | None = None, **columns: Any) -> Conversion:
    """Make a confirmed deposit of 100.00 EUR at noon that waits for review; `player` gives its player's columns."""
    number = next(_numbers)
    platform = columns.pop("platform", None) or make_platform()
    owner = Player.objects.create(
        platform=platform, player_id=f"p-{number}", created_at=NOON, **(player or {"country": "MT"})
    )
    defaults = {
        "platform": platform,
        "player": owner,
        "kind": "deposit",
        "transaction_id": f"t-{number}",
        "status": "confirmed",
        "amount": Decimal(100),
        "currency": "EUR",
        "occurred_at": NOON,
        "first_event_id": f"e-{number}",
        "received_at": NOON,
        "is_settled": True,
    }
    return Conversion.objects.create(**defaults | columns)

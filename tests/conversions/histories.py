"""What players did, as their platform tells it: every kind of event, the same for the same number."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from attribution.domain.credit import Claim
from conversions.domain.intake import record_event
from conversions.domain.reported import (
    Reported,
    ReportedActivity,
    ReportedDeposit,
    ReportedInstall,
    ReportedMilestone,
    ReportedMovement,
    ReportedPlayerStatus,
    ReportedRegistration,
)
from conversions.models import Platform
from tracker_project.common.money import Money

STARTED_AT = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
EVENTS_OF_ONE = 20


def eur(amount: str) -> Money:
    return Money(amount=Decimal(amount), currency="EUR")


def history(number: int, click_id: str, *, is_test: bool = False) -> list[Reported]:
    """Return the events of player `number` in the order in which they happened; some name him, some his click."""

    def event(name: str, minute: int) -> dict[str, Any]:
        return {"event_id": f"{number}-{name}", "occurred_at": STARTED_AT + timedelta(minutes=minute)}

    def deposit(name: str, status: str, minute: int, amount: str, *, suffix: str = "", **columns: Any) -> Reported:
        whom = columns.pop("whom", by_name)
        return ReportedDeposit(
            **event(f"{name}{suffix or '-' + status}", minute),
            **whom,
            transaction_id=f"{number}-{name}",
            status=status,
            money=eur(amount),
            **columns,
        )

    by_name: dict[str, Any] = {"player_id": f"p-{number}"}
    by_click: dict[str, Any] = {"click_id": click_id} if click_id else by_name
    day: dict[str, Any] = {"on_date": date(2026, 11, 22), "currency": "EUR", "mode": "total"}
    return [
        ReportedMilestone(**event("lead", 0), **by_click, kind="lead", status="confirmed"),
        ReportedInstall(**event("install", 1), **by_click, install_id=f"device-{number}", activity="install"),
        ReportedRegistration(
            **event("reg", 3), **by_name, claim=Claim(click_id=click_id), country="MT", is_test=is_test
        ),
        deposit("d1", "pending", 4, "100", product="slots"),
        deposit("d1", "confirmed", 5, "100", product="casino", whom=by_click),
        deposit("d2", "confirmed", 4, "50"),
        deposit("d3", "pending", 6, "20"),
        deposit("d3", "rejected", 7, "20"),
        deposit("d4", "confirmed", 8, "30"),
        ReportedMovement(**event("cb", 9), kind="chargeback", deposit_transaction_id=f"{number}-d4"),
        ReportedMovement(
            **event("r1", 10),
            kind="refund",
            transaction_id=f"{number}-r1",
            deposit_transaction_id=f"{number}-d1",
            money=eur("40"),
        ),
        ReportedMovement(
            **event("r2", 11),
            kind="refund",
            transaction_id=f"{number}-r2",
            deposit_transaction_id=f"{number}-d1",
            money=eur("60"),
        ),
        ReportedMovement(
            **event("w", 12), **by_click, kind="withdrawal", transaction_id=f"{number}-w", money=eur("10")
        ),
        ReportedPlayerStatus(**event("blocked", 13), **by_name, status="blocked"),
        ReportedPlayerStatus(**event("unblocked", 14), **by_click, status="unblocked"),
        ReportedPlayerStatus(**event("verified", 15), **by_name, status="verified"),
        ReportedActivity(**event("a1", 16), **by_name, **day, figures={"ngr": "5", "bets_count": "12"}),
        ReportedActivity(**event("a2", 17), **by_click, **day, figures={"ngr": "-3.50"}),
        ReportedMilestone(
            **event("sale", 18),
            **by_click,
            kind="sale",
            status="confirmed",
            transaction_id=f"{number}-s",
            revenue=eur("7"),
        ),
        ReportedMovement(**event("x", 19), kind="rejection", deposit_transaction_id=f"{number}-s"),
    ]


def deliver(platform: Platform, events: Sequence[Reported], *, at: datetime) -> None:
    """Record events one after the other, each a millisecond after the one before."""
    for position, event in enumerate(events):
        record_event(
            event,
            platform=platform,
            webhook_id=f"msg-{event.event_id}",
            at=at + timedelta(milliseconds=position),
        )

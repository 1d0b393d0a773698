"""Whatever order a player's events come in, and however often, the figures end as the rules say."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from affiliates.domain.booking import book_due_commissions
from affiliates.domain.queries import owed_to
from attribution.models import Click
from conversions.models import Conversion, CustomerLtv, Platform
from fraud.domain.reviewing import review_pending_conversions
from tests.affiliates.builders import make_partner_account
from tests.outside.casino import Deposit
from tests.outside.expected import REVERSED, SETTLING, STATUSES, Person, Transaction
from tests.stories.webhooks import Webhooks, deposit, registration
from tests.world import NOON, make_click, make_link, make_partner

Message = tuple[str, dict[str, Any]]
CLICKED_AT = NOON - timedelta(hours=3)
REGISTERED = registration(event_id="e-r", click_id="of the click", is_test=False)


def told(number: int, status: str, *, minute: int) -> Message:
    """Return a report of the deposit t-<number>; few instants, so that deposits often share one."""
    occurred_at = f"2026-11-22T10:{30 + minute}:00Z"
    event_id = f"e-{number}-{status}"
    return "deposit", deposit(
        f"t-{number}", event_id=event_id, status=status, occurred_at=occurred_at, amount=f"{50 + number}.00"
    )


@st.composite
def histories(draw: st.DrawFn) -> list[Message]:
    """Draw reports of up to three deposits and mostly a registration, in any order, some of them twice."""
    messages = [
        told(number, status, minute=draw(st.integers(min_value=0, max_value=3)))
        for number in range(draw(st.integers(min_value=1, max_value=3)))
        for status in draw(st.lists(st.sampled_from(STATUSES), min_size=1, max_size=3, unique=True))
    ]
    if draw(st.integers(min_value=0, max_value=4)):
        messages.append(("registration", REGISTERED | {"is_test": draw(st.integers(0, 5)) == 0}))
    repeats = draw(st.lists(st.sampled_from(messages), max_size=1))
    return draw(st.permutations(messages + repeats))


@pytest.fixture
def click(platform: Platform) -> Click:
    return make_click(make_link(partner=make_partner()), at=CLICKED_AT)


@pytest.mark.django_db
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(history=histories())
@example(history=[told(0, "charged_back", minute=1), told(0, "confirmed", minute=0)])
@example(history=[told(1, "confirmed", minute=1), ("registration", REGISTERED), told(0, "confirmed", minute=0)])
@example(history=[told(0, "confirmed", minute=0), told(1, "confirmed", minute=1), told(0, "void", minute=2)])
@example(history=[told(0, "confirmed", minute=0), ("registration", REGISTERED | {"is_test": True})])
@example(history=[told(1, "confirmed", minute=0), told(0, "confirmed", minute=0)])
def test_order_does_not_change_what_is_recorded(casino: Webhooks, click: Click, history: list[Message]) -> None:
    with transaction.atomic():
        statuses = [casino.post(kind, with_click(body, click)).status for kind, body in history]
        deposits, value = recorded_deposits(), recorded_value()
        transaction.set_rollback(True)

    assert set(statuses) <= {200, 201}
    assert deposits == deposits_by_the_rules(history, click)
    assert value == value_by_the_rules(history)


@pytest.mark.django_db
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(history=histories(), pauses=st.lists(st.booleans(), min_size=11, max_size=11))
def test_order_does_not_change_what_is_owed(
    casino: Webhooks, click: Click, history: list[Message], pauses: list[bool]
) -> None:
    with transaction.atomic():
        account = make_partner_account(partner=click.partner)
        for (kind, body), pause in zip(history, pauses, strict=False):
            casino.post(kind, with_click(body, click))
            if pause:
                review_and_book()
        review_and_book()
        owed = owed_to(account, currency="EUR")
        transaction.set_rollback(True)

    first = person_of(history).first_deposit
    is_earned = first is not None and first.status == "confirmed" and not is_test(history)
    assert owed == (Decimal(120) if is_earned and registered_in(history) else 0)


def review_and_book() -> None:
    while review_pending_conversions(at=timezone.now(), limit=100):
        pass
    while book_due_commissions(at=timezone.now(), limit=100):
        pass


def with_click(body: dict[str, Any], click: Click) -> dict[str, Any]:
    return body | {"click_id": click.click_id} if "click_id" in body else body


def recorded_deposits() -> dict[str | None, dict[str, Any]]:
    rows = Conversion.objects.filter(kind="deposit").values(
        "transaction_id", "status", "amount", "currency", "occurred_at", "first_event_id", "is_settled", "is_test",
        "is_first_deposit", "reversed_at", "click_uuid", "campaign_id", "partner_id", "revenue__amount",
    )  # fmt: skip
    return {row["transaction_id"]: dict(row) for row in rows}


def recorded_value() -> dict[str, Any]:
    return dict(
        CustomerLtv.objects.values(
            "deposits", "deposits_amount", "reversed_deposits", "reversed_amount", "first_deposit_at", "last_deposit_at"
        ).get()
    )


def deposits_by_the_rules(history: list[Message], click: Click) -> dict[str | None, dict[str, Any]]:
    """Return what must be recorded, worked out without the tracker."""
    person, registered = person_of(history), registered_in(history)
    credited = registered is not None
    return {
        transaction_id: {
            "transaction_id": transaction_id,
            "status": deposit.status,
            "amount": deposit.reports[0].amount,
            "currency": "EUR",
            "occurred_at": deposit.earliest[0],
            "first_event_id": deposit.earliest[1],
            "is_settled": any(report.status in SETTLING for report in deposit.reports),
            "is_test": is_test(history),
            "is_first_deposit": deposit is person.first_deposit and not is_test(history),
            "reversed_at": reversed_at(deposit),
            "click_uuid": click.id if credited else None,
            "campaign_id": click.campaign_id if credited else None,
            "partner_id": click.partner_id if credited else None,
            "revenue__amount": Decimal(200)
            if deposit is person.first_deposit and credited and not is_test(history)
            else None,
        }
        for transaction_id, deposit in person.transactions.items()
    }


def value_by_the_rules(history: list[Message]) -> dict[str, Any]:
    deposits = [] if is_test(history) else list(person_of(history).transactions.values())
    standing = [deposit for deposit in deposits if deposit.status == "confirmed"]
    taken_back = [deposit for deposit in deposits if deposit.is_reversed]
    instants = [deposit.earliest[0] for deposit in standing + taken_back]
    return {
        "deposits": len(standing),
        "deposits_amount": sum((deposit.reports[0].amount for deposit in standing), Decimal(0)),
        "reversed_deposits": len(taken_back),
        "reversed_amount": sum((deposit.reports[0].amount for deposit in taken_back), Decimal(0)),
        "first_deposit_at": min(instants, default=None),
        "last_deposit_at": max(instants, default=None),
    }


def person_of(history: list[Message]) -> Person:
    person = Person()
    for kind, body in history:
        if kind == "deposit":
            report = Deposit(
                event_id=body["event_id"],
                transaction_id=body["transaction_id"],
                status=body["status"],
                occurred_at=datetime.fromisoformat(body["occurred_at"]).astimezone(UTC),
                player_id=body["player_id"],
                amount=Decimal(body["amount"]),
            )
            person.transactions.setdefault(report.transaction_id, Transaction(reports=[])).reports.append(report)
    return person


def registered_in(history: list[Message]) -> dict[str, Any] | None:
    return next((body for kind, body in history if kind == "registration"), None)


def is_test(history: list[Message]) -> bool:
    registered = registered_in(history)
    return registered is not None and registered["is_test"]


def reversed_at(deposit: Transaction) -> datetime | None:
    if not deposit.is_reversed:
        return None
    return min(report.occurred_at for report in deposit.reports if report.status in REVERSED)

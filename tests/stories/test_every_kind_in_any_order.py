"""All kinds of events of one player, in any order and repeated: what is held ends the same."""

import random
import threading
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection, transaction
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from attribution.domain.credit import Claim
from attribution.models import Click
from conversions.domain.intake import match_waiting_events, record_event
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
from conversions.models import (
    Conversion,
    CustomerLtv,
    DailyActivity,
    InboxEvent,
    Install,
    Milestone,
    Movement,
    Platform,
    Player,
)
from tests.world import NOON, make_click, make_link, make_partner
from tracker_project.common.money import Money

CLICKED_AT = NOON - timedelta(hours=3)
MATCHED_AT = NOON + timedelta(days=2)


def money(amount: str) -> Money:
    return Money(amount=Decimal(amount), currency="EUR")


def history(click_id: str) -> list[Reported]:
    """Return what one player did: half of it names him, half of it his click alone."""

    def at(minute: int) -> dict[str, Any]:
        return {"occurred_at": NOON + timedelta(minutes=minute)}

    by_click: dict[str, Any] = {"click_id": click_id}
    by_name: dict[str, Any] = {"player_id": "p-1"}
    eur: dict[str, Any] = {"on_date": date(2026, 11, 22), "currency": "EUR", "mode": "total"}
    return [
        ReportedMilestone(event_id="lead", kind="lead", status="confirmed", **at(0), **by_click),
        ReportedInstall(event_id="install", install_id="i", activity="install", **at(1), **by_click),
        ReportedMilestone(event_id="signup", kind="signup", status="confirmed", **at(2), **by_name),
        ReportedRegistration(event_id="reg", claim=Claim(click_id=click_id), **at(3), **by_name),
        ReportedDeposit(
            event_id="d1", transaction_id="t-1", status="confirmed", money=money("100"), **at(4), **by_click
        ),
        ReportedDeposit(event_id="d2", transaction_id="t-2", status="confirmed", money=money("50"), **at(5), **by_name),
        ReportedDeposit(event_id="d3", transaction_id="t-3", status="pending", money=money("20"), **at(6), **by_name),
        ReportedDeposit(
            event_id="d3+", transaction_id="t-3", status="confirmed", money=money("20"), **at(7), **by_name
        ),
        ReportedMovement(
            event_id="r1", kind="refund", transaction_id="r-1", deposit_transaction_id="t-1", money=money("40"), **at(8)
        ),
        ReportedMovement(
            event_id="r2", kind="refund", transaction_id="r-2", deposit_transaction_id="t-1", money=money("60"), **at(9)
        ),
        ReportedMovement(event_id="cb", kind="chargeback", deposit_transaction_id="t-3", **at(10)),
        ReportedMovement(
            event_id="w", kind="withdrawal", transaction_id="w-1", money=money("10"), **at(11), **by_click
        ),
        ReportedMilestone(
            event_id="sale",
            kind="sale",
            status="pending",
            transaction_id="s-1",
            revenue=money("7"),
            **at(12),
            **by_click,
        ),
        ReportedMilestone(
            event_id="sale+",
            kind="sale",
            status="confirmed",
            transaction_id="s-1",
            revenue=money("7"),
            **at(13),
            **by_click,
        ),
        ReportedMovement(event_id="x", kind="rejection", deposit_transaction_id="s-1", **at(14)),
        ReportedPlayerStatus(event_id="ex", status="self_excluded", **at(15), **by_name),
        ReportedPlayerStatus(event_id="back", status="returned", **at(16), **by_click),
        ReportedActivity(event_id="a1", figures={"ngr": "5"}, **at(17), **by_name, **eur),
        ReportedActivity(event_id="a2", figures={"ngr": "-3.50"}, **at(18), **by_click, **eur),
    ]


def deliver(platform: Platform, events: list[Reported]) -> None:
    for event in events:
        record_event(event, platform=platform, webhook_id=f"msg-{event.event_id}", at=NOON + timedelta(days=1))


def settle() -> None:
    """Look again at what waits until nothing more can be placed, as the sweeper would."""
    at = MATCHED_AT
    while InboxEvent.objects.filter(state="quarantined").exists() and at < MATCHED_AT + timedelta(days=3):
        match_waiting_events(at=at, limit=100)
        at += timedelta(hours=7)


def state() -> list[Any]:
    """Return all that is held, by facts that do not depend on when it was told."""
    credit = ("credit_outcome", "campaign", "partner", "click_uuid")
    return [
        list(Player.objects.values_list("player_id", "self_excluded_at", *credit)),
        list(
            Conversion.objects.order_by("kind", "transaction_id").values_list(
                "kind", "transaction_id", "status", "is_first_deposit", "reversed_at", "occurred_at", *credit
            )
        ),
        list(
            Milestone.objects.order_by("kind").values_list(
                "kind", "key", "status", "revenue", "occurred_at", "player__player_id", *credit
            )
        ),
        list(Movement.objects.order_by("kind", "transaction_id").values_list("kind", "transaction_id", "amount")),
        list(Install.objects.values_list("activity", "click_to_install_seconds", *credit)),
        list(DailyActivity.objects.values_list("on_date", "ngr", "restated")),
        list(CustomerLtv.objects.values_list("deposits", "deposits_amount", "reversed_deposits", "reversed_amount")),
        list(InboxEvent.objects.order_by("event_id").values_list("event_id", "state")),
    ]


@pytest.fixture
def click(platform: Platform) -> Click:
    return make_click(make_link(partner=make_partner()), at=CLICKED_AT)


def state_after(platform: Platform, events: list[Reported]) -> list[Any]:
    with transaction.atomic():
        deliver(platform, events)
        settle()
        ended = state()
        transaction.set_rollback(True)
    return ended


@pytest.mark.django_db
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(order=st.permutations(range(19)), repeats=st.lists(st.integers(0, 18), max_size=4))
@example(order=list(reversed(range(19))), repeats=[])
def test_every_kind_in_any_order_ends_the_same(
    platform: Platform, click: Click, order: list[int], repeats: list[int]
) -> None:
    told = history(click.click_id)
    expected = state_after(platform, told)

    ended = state_after(platform, [told[position] for position in [*order, *repeats]])

    assert ended == expected


def test_the_story_ends_as_a_person_would_reckon(platform: Platform, click: Click) -> None:
    ended = state_after(platform, history(click.click_id))

    players, conversions, milestones, movements, _, days, values, events = ended
    assert players[0][:2] == ("p-1", None)
    assert [(row[1], row[2], row[3]) for row in conversions] == [
        ("t-1", "refunded", True),
        ("t-2", "confirmed", False),
        ("t-3", "charged_back", False),
        (None, "confirmed", False),
    ]
    assert [(row[0], row[2]) for row in milestones] == [
        ("lead", "confirmed"),
        ("sale", "rejected"),
        ("signup", "confirmed"),
    ]
    assert [row[:2] for row in movements] == [
        ("chargeback", "t-3"),
        ("refund", "r-1"),
        ("refund", "r-2"),
        ("withdrawal", "w-1"),
    ]
    assert (days, values) == ([(date(2026, 11, 22), Decimal("-3.5"), 1)], [(1, Decimal(50), 2, Decimal(120))])
    assert {told for _, told in events} == {"recorded"}


@pytest.mark.django_db(transaction=True)
def test_every_kind_delivered_often_by_many_at_once_ends_the_same(platform: Platform, click: Click) -> None:
    told = history(click.click_id)
    expected = state_after(platform, told)
    shuffler = random.Random(20261122)
    deliveries = [event for event in told for _ in range(shuffler.randint(1, 8))]
    shuffler.shuffle(deliveries)
    shares = [deliveries[number::8] for number in range(8)]
    errors: list[Exception] = []

    def run(share: list[Reported]) -> None:
        try:
            deliver(platform, share)
        except Exception as error:  # the story fails by it below
            errors.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(share,)) for share in shares]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    settle()

    assert errors == []
    assert state() == expected

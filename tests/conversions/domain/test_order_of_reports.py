"""What several reports of one fact say together does not depend on which of them came first."""

import threading
import time
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection, transaction

from attribution.domain.credit import Claim
from conversions.domain.inbox import ConversionConflict
from conversions.domain.intake import record_event
from conversions.domain.reported import (
    Reported,
    ReportedActivity,
    ReportedMilestone,
    ReportedMovement,
    ReportedRegistration,
)
from conversions.models import Conversion, DailyActivity, Endpoint, Milestone, Movement, Platform
from tests.conversions.builders import LATER, deposit, make_endpoint, register, the_deposit
from tests.world import NOON, click_id_of, make_link, make_platform
from tracker_project.common.money import Money

pytestmark = pytest.mark.django_db


def record(platform: Platform, reported: Reported, **options: Any) -> None:
    record_event(reported, platform=platform, webhook_id=f"msg-{reported.event_id}", at=LATER, **options)


def sale(event_id: str, amount: str, currency: str, *, minutes: int, **columns: Any) -> ReportedMilestone:
    return ReportedMilestone(
        event_id=event_id,
        occurred_at=NOON + timedelta(minutes=minutes),
        player_id="p-1",
        kind="sale",
        status="confirmed",
        transaction_id="s-1",
        revenue=Money(amount=Decimal(amount), currency=currency),
        **columns,
    )


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_a_deposits_product_is_what_the_earliest_report_calls_it(order):
    platform = make_platform()
    reports = [
        {"event_id": "dep-1", "status": "pending", "product": "slots", "occurred_at": NOON},
        {"event_id": "dep-2", "status": "confirmed", "product": "casino"},
    ]

    for number in order:
        deposit(platform, **reports[number])

    assert the_deposit().product == "slots"


def test_a_deposit_of_which_one_report_says_test_is_one_and_first_no_more():
    platform = make_platform()
    deposit(platform, status="confirmed")

    deposit(platform, "dep-2", status="pending", is_test=True)

    assert Conversion.objects.values_list("is_test", "is_first_deposit", "review_state").get() == (
        True, False, "pending",
    )  # fmt: skip


def test_what_a_test_player_did_before_he_registered_becomes_a_test():
    platform = make_platform()
    money = Money(amount=Decimal(10), currency="EUR")
    record(
        platform,
        ReportedMovement(
            event_id="w", occurred_at=NOON, player_id="p-1", kind="withdrawal", transaction_id="w-1", money=money
        ),
    )
    record(
        platform,
        ReportedActivity(
            event_id="a",
            occurred_at=NOON,
            player_id="p-1",
            on_date=date(2026, 11, 22),
            currency="EUR",
            mode="total",
            figures={"ngr": "5"},
        ),
    )

    register(platform, is_test=True)

    assert (Movement.objects.get().is_test, DailyActivity.objects.get().is_test) == (True, True)


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_a_sales_latest_amount_stands_in_its_own_currency(order):
    endpoint = make_endpoint("keitaro", duplicates=Endpoint.Duplicates.EDIT)
    reports = [sale("s-1", "10", "EUR", minutes=0), sale("s-2", "12", "USD", minutes=1)]

    for number in order:
        record(endpoint.platform, reports[number], endpoint=endpoint)

    assert Milestone.objects.values_list("revenue", "currency").get() == (Decimal(12), "USD")


def test_amounts_of_two_currencies_are_not_added_up():
    endpoint = make_endpoint("keitaro", duplicates=Endpoint.Duplicates.INCREMENT)
    record(endpoint.platform, sale("s-1", "10", "EUR", minutes=0), endpoint=endpoint)

    with pytest.raises(ConversionConflict) as conflict:
        record(endpoint.platform, sale("s-2", "12", "USD", minutes=1), endpoint=endpoint)

    assert (conflict.value.field, Milestone.objects.get().revenue) == ("currency", Decimal(10))


@pytest.mark.django_db(transaction=True)
def test_a_rejection_at_the_moment_of_the_registration_is_not_lost():
    platform, click_id = make_platform(), click_id_of(make_link(), at=NOON)
    by_click: dict[str, Any] = {"click_id": click_id, "occurred_at": NOON}
    record(
        platform,
        ReportedMilestone(event_id="s", kind="sale", status="confirmed", transaction_id="s-1", **by_click),
    )
    registration = ReportedRegistration(
        event_id="reg", occurred_at=NOON + timedelta(minutes=1), player_id="p-1", claim=Claim(click_id=click_id)
    )

    def run() -> None:
        try:
            record(platform, registration)
        finally:
            connection.close()

    registering = threading.Thread(target=run)
    with transaction.atomic():
        record(platform, ReportedMovement(event_id="x", kind="rejection", deposit_transaction_id="s-1", **by_click))
        registering.start()
        wait_until_somebody_waits_for_us()
    registering.join(timeout=30)

    assert Milestone.objects.values_list("status", "player__player_id").get() == ("rejected", "p-1")


def wait_until_somebody_waits_for_us() -> None:
    deadline = time.monotonic() + 30
    with connection.cursor() as cursor:
        while time.monotonic() < deadline:
            cursor.execute("SELECT count(*) FROM pg_locks WHERE pg_backend_pid() = ANY(pg_blocking_pids(pid))")
            if cursor.fetchone() != (0,):
                return
            time.sleep(0.02)
    raise AssertionError("nobody came to wait")

"""Wrong states of the intake that the database refuses, each tried once."""

from decimal import Decimal
from typing import Any

import pytest
from django.db import IntegrityError

from conversions.domain.intake import record_event
from conversions.domain.reported import (
    ReportedActivity,
    ReportedInstall,
    ReportedMilestone,
    ReportedMovement,
    ReportedPlayerStatus,
)
from conversions.models import (
    DailyActivity,
    DroppedField,
    Endpoint,
    InboxEvent,
    Install,
    Milestone,
    MilestoneReport,
    Movement,
    PlayerStatus,
    PrivateToken,
)
from tests.conversions.builders import LATER, deposit, make_endpoint
from tests.world import NOON, make_platform
from tracker_project.common.money import Money

pytestmark = pytest.mark.django_db


def refuses(name: str) -> Any:
    return pytest.raises(IntegrityError, match=name)


def record_one_of_each() -> None:
    platform = make_platform()
    deposit(platform)
    of: dict[str, Any] = {"occurred_at": NOON}
    money = Money(amount=Decimal(5), currency="EUR")
    whom: dict[str, Any] = {"player_id": "p-1"}
    events = [
        ReportedMilestone(**of, **whom, event_id="m", kind="sale", status="pending", revenue=money),
        ReportedMovement(**of, event_id="r", kind="refund", deposit_transaction_id="t-1", money=money),
        ReportedPlayerStatus(**of, **whom, event_id="s", status="verified"),
        ReportedInstall(**of, event_id="i", install_id="i", activity="install"),
        ReportedActivity(
            **of,
            **whom,
            event_id="a",
            on_date=NOON.date(),
            currency="EUR",
            mode="total",
            figures={"ngr": "-5"},
        ),
    ]
    for event in events:
        record_event(event, platform=platform, webhook_id=f"msg-{event.event_id}", at=LATER)
    make_endpoint("keitaro", platform=platform)
    PrivateToken.objects.create(
        platform=platform,
        player_id="p-1",
        kind="email",
        token="a" * 64,
        event=InboxEvent.objects.get(event_id="m"),
        first_seen_at=NOON,
    )


@pytest.mark.parametrize(
    ("model", "columns", "constraint"),
    [
        (InboxEvent, {"kind": "bonus"}, "inbox_event_kind"),
        (InboxEvent, {"state": "lost"}, "inbox_event_state"),
        (InboxEvent, {"state": "quarantined"}, "inbox_event_state"),
        (InboxEvent, {"state": "discarded"}, "inbox_event_state"),
        (InboxEvent, {"next_match_at": NOON}, "inbox_event_state"),
        (InboxEvent, {"kind": "unnamed"}, "unnamed_event_is_not_recorded"),
        (Milestone, {"kind": "bonus"}, "milestone_kind_is_known"),
        (Milestone, {"status": "void"}, "milestone_status_is_known"),
        (Milestone, {"key": ""}, "milestone_has_a_key"),
        (Milestone, {"currency": None}, "milestone_revenue_has_its_currency"),
        (Movement, {"amount": 0}, "movement_amount_is_positive"),
        (Movement, {"deposit": None}, "movement_names_its_deposit"),
        (Movement, {"kind": "withdrawal"}, "movement_names_its_deposit"),
        (PlayerStatus, {"status": "rich"}, "player_status_is_known"),
        (Install, {"activity": "boot"}, "install_activity_is_known"),
        (Install, {"install_id": ""}, "install_has_an_id"),
        (DailyActivity, {"mode": "both"}, "activity_mode_is_known"),
        (Endpoint, {"key_hash": "plain-key"}, "endpoint_key_is_kept_as_its_hash"),
        (Endpoint, {"amounts": "both"}, "endpoint_amounts"),
        (Endpoint, {"default_status": "void"}, "endpoint_default_status"),
        (Endpoint, {"duplicates": "sometimes"}, "endpoint_duplicates"),
        (Endpoint, {"amount_unit": "micro"}, "endpoint_amount_unit"),
        (PrivateToken, {"token": "canary@example.com"}, "private_token_is_a_token"),
        (PrivateToken, {"kind": "name"}, "private_token_kind"),
    ],
)
def test_tables_refuse_a_wrong_state(model: Any, columns: dict[str, Any], constraint: str) -> None:
    record_one_of_each()

    with refuses(constraint):
        model.objects.update(**columns)


def copy_of(row: Any, **columns: Any) -> None:
    row.pk = None
    for name, value in columns.items():
        setattr(row, name, value)
    row.save(force_insert=True)


@pytest.mark.parametrize(
    ("model", "constraint"),
    [
        (Milestone, "one_milestone_per_kind_and_key"),
        (MilestoneReport, "one_report_per_milestone_and_event"),
        (DailyActivity, "one_activity_per_player_and_day"),
        (PrivateToken, "one_token_per_player"),
    ],
)
def test_tables_refuse_the_same_fact_twice(model: Any, constraint: str) -> None:
    record_one_of_each()

    with refuses(constraint):
        copy_of(model.objects.get())


def test_movements_and_installs_are_one_a_transaction_and_device() -> None:
    record_one_of_each()
    other = InboxEvent.objects.get(event_id="m")

    with refuses("one_movement_per_kind_and_transaction"):
        copy_of(Movement.objects.get(), event=other)


def test_installs_are_one_a_device_activity_and_instant() -> None:
    record_one_of_each()
    other = InboxEvent.objects.get(event_id="m")

    with refuses("one_install_per_device_and_activity"):
        copy_of(Install.objects.get(), event=other)


def test_dropped_fields_are_one_a_platform_and_name() -> None:
    field = DroppedField.objects.create(
        platform=make_platform(), name="email", times=1, first_seen_at=NOON, last_seen_at=NOON
    )

    with refuses("one_dropped_field_per_platform_and_name"):
        copy_of(field)

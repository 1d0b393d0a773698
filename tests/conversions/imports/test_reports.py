"""Rejection reports: what was refused is refused here too, fraud sees it, and of devices nothing is kept."""

from typing import Any

import pytest
from django.core import serializers

from affiliates.domain.booking import book_due_commissions
from affiliates.models import Commission
from conversions.dialects.registry import parse
from conversions.domain.intake import record_event
from conversions.models import Conversion, ImportRow, InboxEvent, Install, Platform
from fraud.domain.reviewing import review_pending_conversions
from fraud.models import Review
from tests.affiliates.builders import make_partner_account
from tests.conversions.builders import LATER, deposit, make_endpoint, register, the_deposit
from tests.conversions.imports.files import outcomes, preview, record, row
from tests.conversions.imports.reports import DEVICE, adjust_csv, adjust_row, appsflyer_csv, appsflyer_row
from tests.world import make_click, make_link, make_platform

pytestmark = pytest.mark.django_db


def appsflyer(platform: Platform | None = None, **columns: Any) -> dict[str, Any]:
    """Return what an AppsFlyer upload needs beside its content."""
    endpoint = make_endpoint("appsflyer", platform=platform, amounts="deposit", default_status="confirmed", **columns)
    return {"platform": endpoint.platform, "endpoint": endpoint, "layout": "appsflyer"}


def adjust() -> dict[str, Any]:
    endpoint = make_endpoint("adjust")
    return {"platform": endpoint.platform, "endpoint": endpoint, "layout": "adjust"}


def review() -> None:
    review_pending_conversions(at=LATER, limit=100)


def test_blocked_install_becomes_a_refused_install_with_its_reason() -> None:
    click = make_click(make_link())

    file = record(appsflyer_csv(appsflyer_row(Sub_Param_1=click.click_id)), **appsflyer())

    install = Install.objects.get()
    assert outcomes(file) == ["new"]
    assert (install.activity, install.rejection_reason, install.media_source) == (
        "rejected_install",
        "ctit_anomalies",
        "shadynet_int",
    )
    assert (install.click_uuid, install.campaign) == (click.pk, None)


def test_report_leaves_no_trace_of_the_device() -> None:
    file = record(appsflyer_csv(appsflyer_row()), **appsflyer())

    kept = serializers.serialize("json", [*ImportRow.objects.all(), *InboxEvent.objects.all(), file])
    assert [secret for secret in (DEVICE, "38400000", "192.0.2.7", "Dalvik") if secret in kept] == []
    assert "advertising_id:device" in file.unread_columns


def test_same_refusal_by_push_and_by_report_is_one() -> None:
    of = appsflyer()
    endpoint = of["endpoint"]
    record(appsflyer_csv(appsflyer_row()), **of)

    again = preview(appsflyer_csv(appsflyer_row(City="Valletta")), **of)

    assert [row(again, 2).verdict, Install.objects.count(), endpoint.events.count()] == ["repeat", 1, 1]


def test_refused_install_holds_what_came_of_its_click_and_takes_the_commission_back() -> None:
    account = make_partner_account()
    link = make_link(partner=account.partner)
    click = make_click(link)
    platform = make_platform()
    register(platform, click_id=click.click_id)
    deposit(platform)
    review()
    book_due_commissions(at=LATER, limit=10)
    booked = Commission.objects.get()

    record(appsflyer_csv(appsflyer_row(Sub_Param_1=click.click_id)), **appsflyer(platform))
    review()
    book_due_commissions(at=LATER, limit=10)

    booked.refresh_from_db()
    assert [the_deposit().review_state, the_deposit().status] == ["held", "confirmed"]
    assert booked.reversed_at is not None
    assert Review.objects.filter(conversion=the_deposit()).latest("pk").reasons == [
        {
            "rule": "install_refused",
            "text": "The measurement partner refused the install as fraud: ctit_anomalies.",
        }
    ]


def test_registration_after_its_refused_install_is_held_as_well() -> None:
    click = make_click(make_link())
    platform = make_platform()
    record(appsflyer_csv(appsflyer_row(Sub_Param_1=click.click_id)), **appsflyer(platform))

    register(platform, click_id=click.click_id)
    review()

    assert Conversion.objects.get().review_state == "held"


def test_blocked_registration_in_the_app_is_rejected_with_the_reason() -> None:
    of = appsflyer(player_parameter="customer_user_id")
    register(of["platform"])
    blocked = appsflyer_row(Event_Name="af_complete_registration", Customer_User_ID="p-1", Blocked_Reason="bots")

    file = record(appsflyer_csv(blocked), **of)

    assert row(file, 2).outcome_detail == "Registration turns from confirmed to rejected."
    assert Conversion.objects.get().status == "rejected"
    assert InboxEvent.objects.get(kind="rejection").terms["reason"] == "bots: 2"


def test_blocked_registration_waits_for_its_player() -> None:
    of = appsflyer(player_parameter="customer_user_id")
    blocked = appsflyer_row(Event_Name="af_complete_registration", Customer_User_ID="p-1")
    file = record(appsflyer_csv(blocked), **of)
    waiting = InboxEvent.objects.get()

    register(of["platform"])

    waiting.refresh_from_db()
    assert (outcomes(file), waiting.reason, waiting.next_match_at) == (["waits"], "not_registered", LATER)


def test_blocked_deposit_in_the_app_is_rejected_by_its_transaction() -> None:
    of = appsflyer(player_parameter="customer_user_id")
    event = {"Event_Name": "af_purchase", "Customer_User_ID": "p-1", "Event_Revenue": "100",
             "Event_Revenue_Currency": "EUR"}  # fmt: skip
    good = {
        "event_name": "af_purchase",
        "customer_user_id": "p-1",
        "event_revenue": "100",
        "event_revenue_currency": "EUR",
        "event_time": "2026-11-22 13:00:00",
        "appsflyer_id": DEVICE,
    }
    _push(of, good)

    file = record(appsflyer_csv(appsflyer_row(**event)), **of)

    assert row(file, 2).outcome_detail == "Deposit turns from confirmed to rejected."
    assert Conversion.objects.get(kind="deposit").status == "rejected"


def test_other_events_of_a_report_are_not_for_us() -> None:
    file = record(appsflyer_csv(appsflyer_row(Event_Name="af_login")), **appsflyer())

    assert outcomes(file) == ["ignored"]


def test_adjust_takes_refused_installs_alone() -> None:
    rows = [adjust_row(), adjust_row(activity_kind="install"), adjust_row(activity_kind="session")]

    file = record(adjust_csv(*rows), **adjust())

    assert outcomes(file) == ["new", "ignored", "ignored"]
    assert Install.objects.get().rejection_reason == "anonymous_traffic"


def _push(of: dict[str, Any], fields: dict[str, str]) -> None:
    reported = parse(fields, of["endpoint"], at=LATER)
    record_event(reported, platform=of["platform"], endpoint=of["endpoint"], webhook_id="push-1", at=LATER)

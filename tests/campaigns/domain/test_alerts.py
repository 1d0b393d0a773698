"""Alerts: each told once, whatever runs how often; what they say of budgets, caps, licences and permissions."""

import threading
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction

from campaigns.domain.alerts import raise_alerts, see_alert
from campaigns.models import (
    AdvertisingAccount,
    Campaign,
    CampaignAlert,
    CampaignSpend,
    Cap,
    CapUse,
    Flow,
    FlowOffer,
    Licence,
    PlatformPermission,
)
from tests.world import NOON, make_campaign, make_offer
from tracker_project.common.database import broken_constraint

TODAY = date(2026, 11, 22)
DAY = timedelta(days=1)

pytestmark = pytest.mark.django_db


def spent(campaign: Campaign, amount: str, *, day: date = TODAY) -> None:
    CampaignSpend.objects.update_or_create(
        campaign=campaign, day=day, counter="edge-1", defaults={"amount": Decimal(amount)}
    )


def used(cap: Cap, uses: int, *, day: date | None = TODAY) -> None:
    CapUse.objects.update_or_create(cap=cap, day=day, counter="edge-1", defaults={"uses": uses})


def make_licence(campaign: Campaign, until: date | None, **columns: Any) -> Licence:
    defaults: dict[str, Any] = {
        "offer": campaign.offer,
        "jurisdiction": "Malta Gaming Authority",
        "number": "MGA/1",
        "country": "MT",
        "valid_from": date(2026, 1, 1),
        "valid_until": until,
    }
    return Licence.objects.create(**defaults | columns)


def make_licensed_campaign() -> Campaign:
    return make_campaign(offer=make_offer(name="Slots", is_licensed_only=True))


def told() -> list[tuple[str, str]]:
    return list(CampaignAlert.objects.order_by("id").values_list("kind", "text"))


def test_raise_alerts_tells_when_a_share_of_the_days_budget_is_spent() -> None:
    campaign = make_campaign(daily_budget=Decimal(200), alert_percent=80)
    spent(campaign, "159.99")
    before = raise_alerts(at=NOON)
    spent(campaign, "160")

    [alert] = raise_alerts(at=NOON)

    assert before == []
    assert (alert.campaign, alert.kind, alert.day, alert.created_at) == (campaign, "budget_share", TODAY, NOON)
    assert alert.text == "80 % of the budget of 22 Nov 2026 is spent: 160.00 of 200.00 EUR."


def test_raise_alerts_tells_when_the_days_budget_is_reached_and_what_follows() -> None:
    spent(make_campaign(daily_budget=Decimal(200), stops_at_budget=True), "201.50")
    spent(make_campaign(daily_budget=Decimal(100)), "100")

    raise_alerts(at=NOON)

    assert told() == [
        (
            "budget_reached",
            "All of the budget of 22 Nov 2026 is spent: 201.50 of 200.00 EUR; visitors go to the fallback.",
        ),
        (
            "budget_reached",
            "All of the budget of 22 Nov 2026 is spent: 100.00 of 100.00 EUR; visitors are still sent on.",
        ),
    ]


def test_raise_alerts_tells_of_a_day_once_and_of_the_next_day_again() -> None:
    campaign = make_campaign(daily_budget=Decimal(200))
    spent(campaign, "200")
    spent(campaign, "200", day=TODAY + DAY)

    created = [len(raise_alerts(at=at)) for at in (NOON, NOON, NOON + DAY, NOON + DAY)]

    assert created == [1, 0, 1, 0]


def test_raise_alerts_tells_of_the_whole_budget_once_for_ever() -> None:
    spent(make_campaign(budget=Decimal(200)), "190", day=date(2026, 10, 1))

    created = [len(raise_alerts(at=at)) for at in (NOON, NOON + DAY)]

    assert created == [1, 0]
    assert told() == [("budget_share", "95 % of the whole budget is spent: 190.00 of 200.00 EUR.")]


def test_raise_alerts_tells_how_far_a_cap_was_overshot_and_follows_it() -> None:
    cap = Cap.objects.create(campaign=make_campaign(), limit=1000)
    used(cap, 1002)
    [alert] = raise_alerts(at=NOON)
    used(cap, 1007)

    again = raise_alerts(at=NOON)

    assert alert.text == "The cap of 1,000 clicks a day was reached on 22 Nov 2026: 1,002 so far, 2 too many."
    assert again == []
    assert told() == [
        ("cap_reached", "The cap of 1,000 clicks a day was reached on 22 Nov 2026: 1,007 so far, 7 too many.")
    ]


def test_raise_alerts_tells_when_a_cap_is_nearly_used() -> None:
    used(Cap.objects.create(campaign=make_campaign(alert_percent=90), limit=10, event="registration"), 9)

    raise_alerts(at=NOON)

    assert told() == [("cap_share", "The cap of 10 registrations a day is 90 % used on 22 Nov 2026: 9 so far.")]


def test_raise_alerts_tells_again_of_a_cap_that_was_raised() -> None:
    cap = Cap.objects.create(campaign=make_campaign(), limit=10, period="total")
    used(cap, 10, day=None)
    first = raise_alerts(at=NOON)
    Cap.objects.update(limit=20)
    used(cap, 20, day=None)

    second = raise_alerts(at=NOON + DAY)

    assert [len(first), len(second)] == [1, 1]
    assert second[0].text == "The cap of 20 clicks in all was reached: 20 so far."


def test_raise_alerts_of_an_offer_reach_the_active_campaigns_that_send_to_it() -> None:
    offer = make_offer(name="Slots")
    direct, through_flow = make_campaign(offer=offer), make_campaign()
    FlowOffer.objects.create(flow=Flow.objects.create(campaign=through_flow, name="A"), offer=offer)
    asleep = Flow.objects.create(campaign=make_campaign(), name="A", is_active=False)
    FlowOffer.objects.create(flow=asleep, offer=offer)
    make_campaign(offer=offer, status="paused")
    make_campaign()
    used(Cap.objects.create(offer=offer, limit=5), 5)

    alerts = raise_alerts(at=NOON)

    assert [alert.campaign for alert in alerts] == [direct, through_flow]
    assert alerts[0].text == "The cap of 5 clicks a day of the offer “Slots” was reached on 22 Nov 2026: 5 so far."


def test_raise_alerts_of_a_flow_reach_its_campaign() -> None:
    flow = Flow.objects.create(campaign=make_campaign(), name="Phones")
    used(Cap.objects.create(flow=flow, limit=5, event="first_deposit"), 6)

    [alert] = raise_alerts(at=NOON)

    assert alert.campaign == flow.campaign
    assert alert.text == (
        "The cap of 5 first deposits a day of the flow “Phones” was reached on 22 Nov 2026: 6 so far, 1 too many."
    )


def test_raise_alerts_tells_of_a_licence_thirty_days_a_week_and_a_day_before_its_end_and_after() -> None:
    campaign = make_licensed_campaign()
    make_licence(campaign, date(2026, 12, 22), region="60", city="Valletta")

    created = [len(raise_alerts(at=NOON + days * DAY)) for days in (-1, 0, 1, 22, 23, 24, 29, 30, 31, 32)]

    assert created == [0, 1, 0, 0, 1, 0, 1, 0, 1, 0]
    assert told()[0] == (
        "licence_ends",
        "The licence Malta Gaming Authority MGA/1 of the offer “Slots” ends on 22 Dec 2026: after that no visitor "
        "from Valletta, 60, MT reaches it.",
    )
    assert told()[-1][1].startswith("The licence Malta Gaming Authority MGA/1 of the offer “Slots” ended on")


@pytest.mark.parametrize(
    ("columns", "alerts"),
    [
        ({"valid_from": date(2026, 12, 1), "valid_until": None}, 0),
        ({"valid_from": date(2026, 12, 2), "valid_until": date(2027, 12, 1)}, 1),
        ({"valid_from": date(2026, 12, 1), "valid_until": None, "region": "60"}, 1),
        ({"valid_from": date(2026, 12, 1), "valid_until": None, "country": "FI"}, 1),
    ],
)
def test_raise_alerts_is_silent_of_a_licence_that_another_goes_on_for(columns: dict[str, Any], alerts: int) -> None:
    campaign = make_licensed_campaign()
    make_licence(campaign, date(2026, 11, 30))
    make_licence(campaign, None, **{"number": "MGA/2"} | columns)

    assert len(raise_alerts(at=NOON)) == alerts


def test_raise_alerts_is_silent_of_a_licence_that_no_offer_needs() -> None:
    make_licence(make_campaign(), date(2026, 11, 30))

    assert raise_alerts(at=NOON) == []


def test_raise_alerts_tells_of_a_permission_that_ends() -> None:
    account = AdvertisingAccount.objects.create(platform="google", account_id="123", name="Main")
    campaign = make_campaign(advertising_account=account)
    make_campaign()
    PlatformPermission.objects.create(
        account=account,
        country="MT",
        domain="casino.example",
        valid_from=date(2026, 1, 1),
        valid_until=date(2026, 12, 20),
    )

    [alert] = raise_alerts(at=NOON)

    assert (alert.campaign, alert.kind) == (campaign, "permission_ends")
    assert alert.text == ("The permission of Google: Main to advertise on casino.example in MT ends on 20 Dec 2026.")


def test_raise_alerts_of_a_permission_for_one_offer_reach_the_campaigns_of_that_offer() -> None:
    account = AdvertisingAccount.objects.create(platform="google", account_id="123", name="Main")
    campaign = make_campaign(advertising_account=account)
    make_campaign(advertising_account=account)
    PlatformPermission.objects.create(
        account=account,
        country="MT",
        offer=campaign.offer,
        valid_from=date(2026, 1, 1),
        valid_until=date(2026, 12, 20),
    )

    assert [alert.campaign for alert in raise_alerts(at=NOON)] == [campaign]


def test_raise_alerts_is_silent_of_a_permission_that_was_prolonged() -> None:
    account = AdvertisingAccount.objects.create(platform="google", account_id="123", name="Main")
    make_campaign(advertising_account=account)
    terms = {"account": account, "country": "MT"}
    PlatformPermission.objects.create(**terms, valid_from=date(2026, 1, 1), valid_until=date(2026, 12, 20))
    PlatformPermission.objects.create(**terms, valid_from=date(2026, 12, 1), valid_until=date(2027, 12, 20))

    assert raise_alerts(at=NOON) == []


def test_raise_alerts_leaves_archived_campaigns_alone() -> None:
    campaign = make_campaign(daily_budget=Decimal(10), status="archived")
    spent(campaign, "10")
    used(Cap.objects.create(campaign=campaign, limit=5), 6)

    assert raise_alerts(at=NOON) == []


@pytest.mark.django_db(transaction=True)
def test_raise_alerts_twice_at_once_tells_once() -> None:
    used(Cap.objects.create(campaign=make_campaign(), limit=5, period="total"), 6, day=None)
    start = threading.Barrier(4)

    def run() -> None:
        start.wait()
        raise_alerts(at=NOON)
        connection.close()

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert CampaignAlert.objects.count() == 1


def test_an_alert_is_stored_once_a_subject_and_day() -> None:
    alert = {"campaign": make_campaign(), "kind": "cap_reached", "subject": "cap 1 of 5", "day": TODAY, "text": "Full."}
    CampaignAlert.objects.create(**alert, created_at=NOON)

    with pytest.raises(IntegrityError) as refused, transaction.atomic():
        CampaignAlert.objects.create(**alert, created_at=NOON)

    assert broken_constraint(refused.value) == "one_alert_per_subject_and_day"


def test_see_alert_keeps_when_it_was_first_seen() -> None:
    used(Cap.objects.create(campaign=make_campaign(), limit=5), 6)
    [alert] = raise_alerts(at=NOON)

    see_alert(alert, at=NOON)
    see_alert(alert, at=NOON + DAY)

    assert CampaignAlert.objects.get().seen_at == NOON

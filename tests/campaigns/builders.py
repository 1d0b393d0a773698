"""Builders of what campaigns route by, beside those of tests.world."""

import itertools
from datetime import date
from typing import Any

from campaigns.models import (
    AdvertisingAccount,
    Campaign,
    CampaignAlert,
    Cap,
    Flow,
    FlowFilter,
    FlowLandingPage,
    FlowOffer,
    LandingPage,
    Licence,
    Offer,
    PlatformPermission,
    Scenario,
    TrackingDomain,
)
from tests.world import NOON, make_campaign, make_link, make_offer, make_source

_numbers = itertools.count(1)


def make_landing_page(**columns: Any) -> LandingPage:
    defaults = {"name": f"Page {next(_numbers)}", "url": "https://lp.example/slots?cid={click_id}"}
    return LandingPage.objects.create(**defaults | columns)


def make_flow(
    campaign: Campaign | None = None, *, offers: list[Offer] | None = None, pages: Any = (), **columns: Any
) -> Flow:
    """Make a flow with these offers (one of its own unless told otherwise) and landing pages."""
    campaign = campaign or make_campaign()
    flow = Flow.objects.create(**{"campaign": campaign, "name": f"Flow {next(_numbers)}"} | columns)
    for position, offer in enumerate([make_offer()] if offers is None else offers, start=1):
        FlowOffer.objects.create(flow=flow, offer=offer, position=position)
    for page in pages:
        FlowLandingPage.objects.create(flow=flow, landing_page=page)
    return flow


def make_filter(flow: Flow, field: str, values: list[str], operator: str = "is") -> FlowFilter:
    return FlowFilter.objects.create(flow=flow, field=field, operator=operator, values=values)


def make_licence(offer: Offer | None = None, **columns: Any) -> Licence:
    defaults = {
        "offer": offer or make_offer(),
        "jurisdiction": "Malta Gaming Authority",
        "number": f"MGA/{next(_numbers)}",
        "country": "MT",
        "valid_from": date(2026, 1, 1),
    }
    return Licence.objects.create(**defaults | columns)


def make_account(**columns: Any) -> AdvertisingAccount:
    number = next(_numbers)
    defaults = {"platform": "meta", "account_id": f"act_{number}", "name": f"Account {number}"}
    return AdvertisingAccount.objects.create(**defaults | columns)


def make_permission(account: AdvertisingAccount | None = None, **columns: Any) -> PlatformPermission:
    defaults = {"account": account or make_account(), "country": "MT", "valid_from": date(2026, 1, 1)}
    return PlatformPermission.objects.create(**defaults | columns)


def make_scenario(**columns: Any) -> Scenario:
    number = next(_numbers)
    defaults = {"name": f"Scenario {number}", "slug": f"scenario-{number}", "starts_on": date(2026, 11, 1)}
    return Scenario.objects.create(**defaults | columns)


def make_domain(**columns: Any) -> TrackingDomain:
    defaults = {"host": f"go{next(_numbers)}.example", "root_link": make_link()}
    return TrackingDomain.objects.create(**defaults | columns)


def make_alert(campaign: Campaign | None = None, **columns: Any) -> CampaignAlert:
    defaults = {
        "campaign": campaign or make_campaign(),
        "kind": "cap_reached",
        "subject": f"cap {next(_numbers)}",
        "day": NOON.date(),
        "text": "100 of 100 clicks a day.",
        "created_at": NOON,
    }
    return CampaignAlert.objects.create(**defaults | columns)


def make_whole_campaign(**columns: Any) -> Campaign:
    """Make a campaign on a Meta source with an account, a licensed offer, and a flow with all that a flow may have."""
    offer = make_offer(is_licensed_only=True, alternative=make_offer())
    make_licence(offer)
    account = make_account()
    make_permission(account)
    defaults = {"source": make_source(platform="meta"), "offer": offer, "advertising_account": account}
    campaign = make_campaign(**defaults | columns)
    flow = make_flow(campaign, pages=[make_landing_page()], offers=[offer, make_offer()])
    make_filter(flow, "country", ["MT", "FI"])
    for limited in ({"campaign": campaign}, {"flow": flow}, {"offer": offer}):
        Cap.objects.create(event="click", limit=100, **limited)
    return campaign

"""What the database refuses of flows, licences, permissions, domains and their like, each constraint broken once."""

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.db.models import ProtectedError

from campaigns.models import (
    AdvertisingAccount,
    CampaignAlert,
    Flow,
    FlowFilter,
    FlowLandingPage,
    FlowOffer,
    LandingPage,
    Licence,
    Offer,
    PlatformPermission,
    Scenario,
    SourceParameter,
    TrackingDomain,
    TrafficSource,
)
from tests.campaigns.builders import (
    make_account,
    make_alert,
    make_domain,
    make_filter,
    make_flow,
    make_landing_page,
    make_licence,
    make_permission,
    make_scenario,
)
from tests.world import make_campaign, make_offer, make_source
from tracker_project.common.database import broken_constraint

pytestmark = pytest.mark.django_db


def twice(make: Callable[..., Any], **columns: Any) -> Callable[[], Any]:
    """Return what makes two rows with the same columns."""
    return lambda: [make(**columns), make(**columns)]


def changed(model: Any, make: Callable[..., Any], **columns: Any) -> Callable[[], Any]:
    """Return what makes a row and then gives it columns that cannot be."""
    return lambda: (make(), model.objects.update(**columns))


def two_of_a_flow(model: Any, **columns: Any) -> Callable[[], Any]:
    def make() -> None:
        flow = make_flow(offers=[])
        for _ in range(2):
            model.objects.create(flow=flow, **{name: value() for name, value in columns.items()})

    return make


def same(make: Callable[..., Any]) -> Callable[[], Any]:
    """Return a function that makes a row the first time and returns it again afterwards."""
    made: list[Any] = []

    def once() -> Any:
        if not made:
            made.append(make())
        return made[0]

    return once


def two_default_flows() -> None:
    campaign = make_campaign()
    make_flow(campaign, kind="default")
    make_flow(campaign, kind="default")


def two_flows_of_a_name() -> None:
    campaign = make_campaign()
    make_flow(campaign, name="A")
    make_flow(campaign, name="A")


def an_offer_that_replaces_itself() -> None:
    offer = make_offer()
    Offer.objects.filter(pk=offer.pk).update(alternative=offer)


def two_parameters() -> None:
    source = make_source()
    for _ in range(2):
        SourceParameter.objects.create(source=source, name="keyword", parameter="utm_term")


def two_licence_rows() -> None:
    offer = make_offer()
    make_licence(offer, number="1")
    make_licence(offer, number="1")


def two_alerts() -> None:
    campaign = make_campaign()
    make_alert(campaign, subject="cap 1")
    make_alert(campaign, subject="cap 1")


BEFORE = date(2025, 12, 31)
BROKEN: dict[str, Callable[[], Any]] = {
    "source_platform_is_known": changed(TrafficSource, make_source, platform="myspace"),
    "a_source_parameter_once": two_parameters,
    "source_parameter_is_named": lambda: SourceParameter.objects.create(
        source=make_source(), name="keyword", parameter=""
    ),
    "an_offer_is_not_its_own_alternative": an_offer_that_replaces_itself,
    "landing_page_url_is_a_web_address": changed(LandingPage, make_landing_page, url="ftp://lp.example/"),
    "scenario_ends_after_it_starts": changed(Scenario, make_scenario, ends_on=date(2026, 11, 1)),
    "one_flow_per_name_and_campaign": two_flows_of_a_name,
    "one_default_flow_per_campaign": two_default_flows,
    "flow_kind_is_known": changed(Flow, make_flow, kind="other"),
    "flow_action_is_known": changed(Flow, make_flow, action="other"),
    "flow_matches_all_or_any": changed(Flow, make_flow, matches="no"),
    "filter_is_or_is_not": changed(FlowFilter, lambda: make_filter(make_flow(), "os", ["iOS"]), operator="has"),
    "filter_has_values": lambda: make_filter(make_flow(), "os", []),
    "an_offer_once_a_flow": two_of_a_flow(FlowOffer, offer=same(make_offer)),
    "a_landing_page_once_a_flow": two_of_a_flow(FlowLandingPage, landing_page=same(make_landing_page)),
    "one_licence_row_per_place": two_licence_rows,
    "licence_ends_after_it_starts": changed(Licence, make_licence, valid_until=BEFORE),
    "one_account_per_platform_and_number": twice(make_account, account_id="1"),
    "account_platform_is_known": changed(AdvertisingAccount, make_account, platform="myspace"),
    "permission_ends_after_it_starts": changed(PlatformPermission, make_permission, valid_until=BEFORE),
    "tracking_domain_is_in_small_letters": changed(TrackingDomain, make_domain, host="Go.example"),
    "unknown_path_is_known": changed(TrackingDomain, make_domain, unknown_path="other"),
    "unknown_path_redirect_has_an_address": changed(TrackingDomain, make_domain, unknown_path="redirect"),
    "unknown_path_root_has_a_link": lambda: make_domain(unknown_path="root", root_link=None),
    "one_alert_per_subject_and_day": two_alerts,
}


@pytest.mark.parametrize(("constraint", "breaking"), BROKEN.items(), ids=BROKEN)
def test_the_database_refuses(constraint: str, breaking: Callable[[], Any]) -> None:
    with pytest.raises(IntegrityError) as refused, transaction.atomic():
        breaking()

    assert broken_constraint(refused.value) == constraint


CAMPAIGN_BROKEN: dict[str, dict[str, Any]] = {
    "flow_choice_is_known": {"flow_choice": "other"},
    "unknown_geography_is_known": {"unknown_geography": "other"},
    "uniqueness_is_known": {"uniqueness": "other"},
    "uniqueness_lasts_1_to_720_hours": {"uniqueness_hours": 721},
    "pacing_is_known": {"pacing": "other"},
    "daily_budget_is_positive": {"daily_budget": 0},
    "alert_percent_is_1_to_100": {"alert_percent": 101},
    "fallback_url_is_a_web_address": {"fallback_url": "ftp://x.example/"},
}


@pytest.mark.parametrize(("constraint", "columns"), CAMPAIGN_BROKEN.items(), ids=CAMPAIGN_BROKEN)
def test_the_database_refuses_a_campaign(constraint: str, columns: dict[str, Any]) -> None:
    with pytest.raises(IntegrityError) as refused, transaction.atomic():
        make_campaign(**columns)

    assert broken_constraint(refused.value) == constraint


def test_what_flows_lead_to_is_not_deleted_under_them() -> None:
    flow = make_flow(pages=[make_landing_page()])

    with pytest.raises(ProtectedError):
        flow.flow_offers.get().offer.delete()
    with pytest.raises(ProtectedError):
        flow.flow_landing_pages.get().landing_page.delete()


def test_alerts_go_with_their_campaign() -> None:
    alert = make_alert()

    alert.campaign.delete()

    assert not CampaignAlert.objects.exists()

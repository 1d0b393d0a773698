"""Flows in words, in the order in which they are tried; caps beside their use."""

from datetime import UTC, date, datetime
from typing import Any

import pytest

from campaigns.domain.cap_uses import CapInUse, uses_of
from campaigns.domain.flow_words import flows_in_words, next_position
from campaigns.models import Cap, CapUse, FlowOffer
from tests.campaigns.builders import make_filter, make_flow, make_landing_page
from tests.world import make_campaign, make_offer

pytestmark = pytest.mark.django_db


def test_flows_in_words_stand_as_visitors_meet_them() -> None:
    campaign = make_campaign()
    make_flow(campaign, name="D", kind="default", position=1)
    make_flow(campaign, name="R2", kind="regular", position=2)
    make_flow(campaign, name="R1", kind="regular", position=1)
    make_flow(campaign, name="F", kind="forced", position=9)

    lines = flows_in_words(campaign)

    assert [(line.flow.name, line.kind) for line in lines] == [
        ("F", "Forced"),
        ("R1", "Regular"),
        ("R2", "Regular"),
        ("D", "Default"),
    ]
    assert next_position(campaign) == 10


def test_flows_in_words_say_whom_they_take_and_where_they_lead() -> None:
    campaign = make_campaign(flow_choice="weight")
    flow = make_flow(campaign, offers=[make_offer(name="Slots")], pages=[make_landing_page(name="Quiz")], weight=30)
    FlowOffer.objects.create(flow=flow, offer=make_offer(name="Live"), position=2, weight=300)
    make_filter(flow, "country", ["MT", "FI", "DE"])
    make_filter(flow, "os_version", [">=16"], "is_not")

    (line,) = flows_in_words(campaign)

    assert line.takes == "Country is MT, FI or DE, and OS version is not >=16"
    assert line.leads_to == "Quiz → Slots 25 %, Live 75 %"
    assert line.weight == "30"


@pytest.mark.parametrize(
    ("columns", "takes", "leads_to"),
    [
        ({"kind": "default", "offers": []}, "Everybody whom no other flow took", "Nowhere yet: it has no offer"),
        ({"offers": [], "action": "nothing"}, "Everybody", "Nowhere: a short page"),
        ({"offers": [], "action": "paused_page"}, "Everybody", "A page: the offer is taking a break"),
    ],
)
def test_flows_in_words_say_what_else_a_flow_does(columns: dict[str, Any], takes: str, leads_to: str) -> None:
    flow = make_flow(**columns)

    (line,) = flows_in_words(flow.campaign)

    assert (line.takes, line.leads_to) == (takes, leads_to)


def test_flows_in_words_join_any_and_shorten_long_lists() -> None:
    flow = make_flow(matches="any")
    make_filter(flow, "country", ["MT"])
    make_filter(flow, "asn", ["1", "2", "3", "4", "5", "6", "7", "8"])

    (line,) = flows_in_words(flow.campaign)

    assert line.takes == "Country is MT, or AS number is 1, 2, 3, 4, 5, 6 or 2 more"


def test_flows_in_words_ask_no_more_for_three_flows_than_for_one(django_assert_num_queries: Any) -> None:
    campaign = make_campaign()
    for _ in range(3):
        make_filter(make_flow(campaign, pages=[make_landing_page()]), "country", ["MT"])

    with django_assert_num_queries(6):
        flows_in_words(campaign)


def test_uses_of_caps_are_those_of_the_current_day_in_the_caps_zone(django_assert_num_queries: Any) -> None:
    campaign = make_campaign(time_zone="Pacific/Auckland")
    of_campaign = Cap.objects.create(campaign=campaign, event="click", limit=10)
    of_flow = Cap.objects.create(flow=make_flow(campaign), event="click", limit=10)
    of_offer = Cap.objects.create(offer=make_offer(), event="click", limit=10)
    total = Cap.objects.create(campaign=campaign, event="click", period="total", limit=10)
    for cap, day, uses in (
        (of_campaign, date(2026, 11, 23), 7),
        (of_campaign, date(2026, 11, 22), 100),
        (of_flow, date(2026, 11, 23), 3),
        (of_offer, date(2026, 11, 22), 4),
        (total, None, 12),
    ):
        CapUse.objects.create(cap=cap, day=day, counter="a", uses=uses)
    CapUse.objects.create(cap=of_campaign, day=date(2026, 11, 23), counter="b", uses=1)

    caps = list(Cap.objects.select_related("campaign", "flow__campaign"))
    with django_assert_num_queries(1):
        found = uses_of(caps, at=datetime(2026, 11, 22, 12, tzinfo=UTC))

    assert {cap: use.used for cap, use in found.items()} == {
        of_campaign.pk: 8,
        of_flow.pk: 3,
        of_offer.pk: 4,
        total.pk: 12,
    }
    assert found[total.pk].overshoot == 2


def test_uses_of_a_cap_that_nobody_counted_are_none() -> None:
    cap = Cap.objects.create(campaign=make_campaign(), event="click", limit=10)

    assert uses_of([cap], at=datetime(2026, 11, 22, tzinfo=UTC)) == {cap.pk: CapInUse(used=0, limit=10)}

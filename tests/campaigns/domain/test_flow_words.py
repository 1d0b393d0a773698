"""Flows in words, in the order in which they are tried."""

from typing import Any

import pytest

from campaigns.domain.flow_words import flows_in_words, next_position
from campaigns.models import FlowOffer
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
        (
            {"kind": "default", "offers": []},
            "Everybody whom no other flow took",
            "Slots, the campaign's own offer",
        ),
        ({"offers": [], "action": "nothing"}, "Everybody", "Nowhere: a short page"),
        ({"offers": [], "action": "paused_page"}, "Everybody", "A page: the offer is taking a break"),
    ],
)
def test_flows_in_words_say_what_else_a_flow_does(columns: dict[str, Any], takes: str, leads_to: str) -> None:
    flow = make_flow(make_campaign(offer=make_offer(name="Slots")), **columns)

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


def test_flows_in_words_say_when_there_is_no_offer_yet() -> None:
    flow = make_flow(make_campaign(offer=None, status="paused"), offers=[], pages=[make_landing_page(name="Quiz")])

    (line,) = flows_in_words(flow.campaign)

    assert line.leads_to == "Nowhere yet: it has no offer"

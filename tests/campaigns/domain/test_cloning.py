"""Copies have all that was set up and nothing that happened."""

from decimal import Decimal

import pytest

from campaigns.domain.cloning import NameTaken, clone_campaign, clone_flow, clone_offer, name_of_copy
from campaigns.domain.soundness import CampaignBroken
from campaigns.models import CampaignSpend, Cap, CapUse, Cost, Goal, TrackingLink
from tests.campaigns.builders import make_alert, make_filter, make_flow, make_landing_page, make_licence
from tests.world import NOON, make_campaign, make_creative, make_link, make_offer, make_partner

pytestmark = pytest.mark.django_db


def test_clone_campaign_copies_what_was_set_up() -> None:
    campaign = make_campaign(name="Malta", daily_budget=Decimal(50), notes="Weekends")
    creative, partner = make_creative(campaign, name="Reels"), make_partner()
    link = make_link(campaign=campaign, creative=creative, partner=partner, promo_code="LUCKY")
    Goal.objects.create(campaign=campaign, event="click", target=10)
    Cap.objects.create(campaign=campaign, event="click", limit=100)
    offer, page = make_offer(), make_landing_page()
    flow = make_flow(campaign, name="DE", offers=[offer], pages=[page], position=3, matches="any")
    make_filter(flow, "country", ["DE"], "is_not")
    Cap.objects.create(flow=flow, event="registration", limit=5)

    copy = clone_campaign(campaign, name="Malta (copy)")

    assert (copy.name, copy.status, copy.daily_budget, copy.notes) == (
        "Malta (copy)",
        "paused",
        Decimal(50),
        "Weekends",
    )
    assert (copy.source, copy.offer) == (campaign.source, campaign.offer)
    copied = copy.links.get()
    assert (copied.creative, copied.partner, copied.promo_code) == (copy.creatives.get(), partner, "")
    assert copied.code != link.code
    assert copy.creatives.get().name == "Reels"
    assert copy.goals.get().target == 10
    assert copy.caps.get().limit == 100
    copied_flow = copy.flows.get()
    assert (copied_flow.name, copied_flow.position, copied_flow.matches) == ("DE", 3, "any")
    assert str(copied_flow.filters.get()) == "Country is not DE"
    assert copied_flow.flow_offers.get().offer == offer
    assert copied_flow.flow_landing_pages.get().landing_page == page
    assert copied_flow.caps.get().limit == 5


def test_clone_campaign_leaves_the_original_and_all_that_happened() -> None:
    campaign = make_campaign(name="Malta")
    link = make_link(campaign=campaign, promo_code="LUCKY")
    cap = Cap.objects.create(campaign=campaign, event="click", limit=100)
    CapUse.objects.create(cap=cap, day=NOON.date(), counter="edge", uses=7)
    Cost.objects.create(campaign=campaign, on_date=NOON.date(), amount=5, currency="EUR")
    CampaignSpend.objects.create(campaign=campaign, day=NOON.date(), amount=5, counter="edge")
    make_alert(campaign)

    copy = clone_campaign(campaign, name="Other")

    assert not copy.costs.exists()
    assert not copy.spends.exists()
    assert not copy.alerts.exists()
    assert not CapUse.objects.filter(cap__campaign=copy).exists()
    campaign.refresh_from_db()
    assert (campaign.name, campaign.status) == ("Malta", "active")
    assert TrackingLink.objects.get(promo_code="LUCKY") == link


def test_clone_campaign_refuses_a_name_that_is_taken() -> None:
    campaign = make_campaign(name="Malta")

    with pytest.raises(NameTaken):
        clone_campaign(campaign, name="Malta")


def test_clone_flow_is_off_and_in_the_same_campaign() -> None:
    flow = make_flow(kind="default")
    make_filter(flow, "os", ["iOS"])

    copy = clone_flow(flow, name="Again")

    assert (copy.campaign, copy.kind, copy.is_active) == (flow.campaign, "default", False)
    assert copy.filters.get().values == ["iOS"]


def test_clone_flow_refuses_a_name_that_its_campaign_has() -> None:
    flow = make_flow()

    with pytest.raises(NameTaken):
        clone_flow(flow, name=flow.name)


def test_clone_offer_has_its_licences_and_caps() -> None:
    offer = make_offer(is_archived=True)
    make_licence(offer, number="MGA/1")
    Cap.objects.create(offer=offer, event="click", limit=9, time_zone="Europe/Malta")

    copy = clone_offer(offer, name="Copy")

    assert (copy.url, copy.is_archived) == (offer.url, False)
    assert copy.licences.get().number == "MGA/1"
    assert copy.caps.get().time_zone == "Europe/Malta"


@pytest.mark.parametrize(
    ("name", "taken", "copy"),
    [
        ("Malta", set(), "Malta (copy)"),
        ("Malta", {"Malta (copy)", "Malta (copy 2)"}, "Malta (copy 3)"),
        ("M" * 100, set(), "M" * 93 + " (copy)"),
    ],
)
def test_name_of_copy_is_free_and_short_enough(name: str, taken: set[str], copy: str) -> None:
    assert name_of_copy(name, taken.__contains__) == copy


def test_clone_of_a_broken_campaign_is_paused_and_may_be_mended() -> None:
    campaign = make_campaign(offer=make_offer(is_archived=True))

    assert clone_campaign(campaign, name="Mended").status == "paused"


def test_campaign_broken_names_campaign_and_fault() -> None:
    assert CampaignBroken({"A": ["x.", "y."], "B": ["z."]}).sentences == ["A: x.", "A: y.", "B: z."]

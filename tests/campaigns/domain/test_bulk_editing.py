"""One change to many campaigns: all of them or none."""

from decimal import Decimal
from typing import Any

import pytest

from campaigns.domain.archiving import StillAlternative, archive, unarchive
from campaigns.domain.bulk_editing import CampaignChanges, CampaignsRefused, edit_campaigns, set_status
from campaigns.domain.soundness import CampaignBroken
from campaigns.models import Campaign, Offer
from tests.campaigns.builders import make_flow, make_landing_page
from tests.world import NOON, make_campaign, make_offer, make_source

pytestmark = pytest.mark.django_db


def edit(campaigns: list[Campaign], added_notes: str = "", **columns: Any) -> int:
    changes = CampaignChanges(columns=columns, added_notes=added_notes)
    return edit_campaigns([campaign.pk for campaign in campaigns], changes, at=NOON)


def test_edit_campaigns_changes_all_of_them() -> None:
    campaigns = [make_campaign(notes="First."), make_campaign()]
    source = make_source()

    changed = edit(campaigns, "Since Monday.", source=source, daily_budget=Decimal(50), pacing="even")

    assert changed == 2
    rows = Campaign.objects.order_by("pk").values_list("source", "daily_budget", "pacing", "notes")
    assert list(rows) == [
        (source.pk, Decimal(50), "even", "First.\nSince Monday."),
        (source.pk, Decimal(50), "even", "Since Monday."),
    ]


def test_edit_campaigns_changes_none_when_one_cannot_take_it() -> None:
    whole, paused = make_campaign(name="Whole"), make_campaign(name="Empty", offer=None, status="paused")

    with pytest.raises(CampaignsRefused) as refused:
        edit([whole, paused], status="active", daily_budget=Decimal(5))

    assert list(refused.value.errors) == ["Empty"]
    assert refused.value.errors["Empty"][0].startswith("It is active but has neither an offer nor an active flow")
    assert list(Campaign.objects.order_by("pk").values_list("daily_budget", "status")) == [
        (None, "active"),
        (None, "paused"),
    ]


def test_edit_campaigns_lists_the_errors_of_each() -> None:
    yen, euro = make_campaign(name="Yen", currency="JPY"), make_campaign(name="Euro")

    with pytest.raises(CampaignsRefused) as refused:
        edit([yen, euro], daily_budget=Decimal("5.50"), pacing="none")

    assert refused.value.errors == {"Yen": ["JPY has 0 digits after the point."]}


@pytest.mark.parametrize(
    ("columns", "sentence"),
    [
        ({"pacing": "even"}, "Pacing spreads a daily budget over the day"),
        ({"stops_at_budget": True}, "There is no daily budget to stop at"),
        ({"daily_budget": Decimal(0)}, "daily_budget_is_positive"),
    ],
)
def test_edit_campaigns_refuses_what_does_not_go_together(columns: dict[str, Any], sentence: str) -> None:
    campaign = make_campaign()

    with pytest.raises(CampaignsRefused) as refused:
        edit([campaign], **columns)

    assert sentence in str(refused.value.errors)


def test_edit_campaigns_refuses_an_offer_whose_money_cannot_be_counted() -> None:
    with pytest.raises(CampaignsRefused) as refused:
        edit([make_campaign(name="Malta")], offer=make_offer(currency="BRL"))

    assert "no exchange rate of BRL is known" in str(refused.value.errors)


def test_set_status_counts_those_that_had_another() -> None:
    campaigns = [make_campaign(), make_campaign(status="paused")]

    assert set_status([campaign.pk for campaign in campaigns], "paused") == 1


def test_set_status_refuses_to_activate_a_campaign_that_leads_nowhere() -> None:
    campaign = make_campaign(offer=None, status="paused")

    with pytest.raises(CampaignBroken):
        set_status([campaign.pk], "active")

    campaign.refresh_from_db()
    assert campaign.status == "paused"


def test_archive_takes_out_of_use_and_back() -> None:
    offers = [make_offer(), make_offer(is_archived=True)]

    assert archive(offers) == 1
    assert unarchive(list(Offer.objects.all())) == 2
    assert not Offer.objects.filter(is_archived=True).exists()


def test_archive_refuses_what_an_active_campaign_sends_visitors_to() -> None:
    used, page, free = make_offer(), make_landing_page(), make_offer()
    make_flow(make_campaign(), offers=[used], pages=[page])

    with pytest.raises(CampaignBroken):
        archive([free, used])
    with pytest.raises(CampaignBroken):
        archive([page])

    assert not Offer.objects.filter(is_archived=True).exists()


def test_archive_refuses_an_offer_that_takes_over_from_another() -> None:
    alternative = make_offer(name="B")
    make_offer(name="A", alternative=alternative)

    with pytest.raises(StillAlternative) as refused:
        archive([alternative])

    assert str(refused.value) == "“B” takes over from “A” when a cap is reached."

"""What buyers are warned of because of the offers that a campaign's visitors may reach."""

from datetime import date
from typing import Any

import pytest

from campaigns.domain.reach import concerns_of
from campaigns.models import Campaign
from tests.campaigns.builders import make_account, make_flow, make_landing_page, make_licence, make_permission
from tests.world import make_campaign, make_offer, make_source

pytestmark = pytest.mark.django_db

TODAY = date(2026, 11, 22)


def labels(campaign: Campaign) -> list[str]:
    found = concerns_of([campaign], on=TODAY)[campaign.pk]
    return [": ".join(filter(None, [concern.label, concern.place])) for concern in found]


def meta_campaign(**columns: Any) -> Campaign:
    return make_campaign(source=make_source(platform="meta"), **columns)


def licensed_offer(*countries: str, **columns: Any) -> Any:
    offer = make_offer(is_licensed_only=True, **columns)
    [make_licence(offer, country=country) for country in countries]
    return offer


def test_concerns_of_a_campaign_with_all_it_needs_are_none() -> None:
    account = make_account()
    make_permission(account, country="MT")

    assert labels(meta_campaign(offer=licensed_offer("MT"), advertising_account=account)) == []


def test_concerns_ask_for_a_permission_in_each_licensed_country() -> None:
    account = make_account()
    make_permission(account, country="MT")

    campaign = meta_campaign(offer=licensed_offer("MT", "DE"), advertising_account=account)

    assert labels(campaign) == ["No permission: DE"]


def test_concerns_take_offers_of_active_flows_and_their_alternatives_along() -> None:
    account = make_account()
    make_permission(account, country="MT")
    campaign = meta_campaign(offer=licensed_offer("MT"), advertising_account=account)
    make_flow(campaign, offers=[licensed_offer("MT", alternative=licensed_offer("FI"))])
    make_flow(campaign, offers=[licensed_offer("SE")], is_active=False)

    assert labels(campaign) == ["No permission: FI"]


def test_concerns_survive_alternatives_that_lead_in_a_circle() -> None:
    first = make_offer()
    second = make_offer(alternative=first)
    first.alternative = second
    first.save()

    assert labels(make_campaign(offer=first)) == []


def test_concerns_match_a_domain_with_the_landing_page_that_visitors_see() -> None:
    account = make_account()
    make_permission(account, country="MT", domain="lp.example")
    campaign = meta_campaign(offer=None, status="paused", advertising_account=account)
    make_flow(campaign, offers=[licensed_offer("MT")], pages=[make_landing_page(url="https://lp.example/")])

    assert labels(campaign) == []


def test_concerns_name_licences_and_put_what_is_missing_first() -> None:
    offer = licensed_offer("MT")
    offer.licences.update(valid_until="2026-12-01")
    campaign = make_campaign(offer=offer)
    make_flow(campaign, offers=[licensed_offer()])

    assert labels(campaign) == ["No licence", "Licence ends 2026-12-01: MT"]


def test_concerns_use_the_countries_of_an_offer_that_needs_no_licence() -> None:
    account = make_account()
    make_permission(account, country="MT")
    campaign = meta_campaign(offer=make_offer(countries=["MT", "BR"]), advertising_account=account)

    assert labels(campaign) == ["No permission: BR"]


def test_concerns_ask_as_many_questions_for_three_campaigns_as_for_one(django_assert_num_queries: Any) -> None:
    campaigns = []
    for _ in range(3):
        campaign = meta_campaign(offer=licensed_offer("MT"), advertising_account=make_account())
        make_flow(campaign, offers=[licensed_offer("MT")])
        campaigns.append(campaign)

    with django_assert_num_queries(6):
        concerns_of(campaigns[:1], on=TODAY)
    with django_assert_num_queries(6):
        concerns_of(campaigns, on=TODAY)

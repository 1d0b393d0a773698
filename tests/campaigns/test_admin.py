"""Forms of campaigns, offers, links, costs and exchange rates: what they refuse and why."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from campaigns.models import Campaign, Cost, ExchangeRate, TrackingLink
from tests.affiliates.builders import make_deposit
from tests.world import (
    make_brand,
    make_campaign,
    make_creative,
    make_link,
    make_offer,
    make_partner,
    make_source,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def alice() -> Client:
    """Alice is a superuser."""
    client = Client()
    client.force_login(User.objects.create_superuser("alice"))
    return client


def text_of(response: Any) -> str:
    return str(response.content.decode()).replace("&#x27;", "'")


def empty_inlines(*prefixes: str) -> dict[str, str]:
    return {f"{prefix}-{name}_FORMS": "0" for prefix in prefixes for name in ("TOTAL", "INITIAL")}


NO_ROWS = empty_inlines("licences", "caps")


def campaign_form(**fields: Any) -> dict[str, Any]:
    defaults = {
        "name": "Reels Malta",
        "status": "active",
        "cost_model": "cpc",
        "currency": "EUR",
        "time_zone": "Europe/Malta",
        "flow_choice": "position",
        "unknown_geography": "fallback",
        "uniqueness": "visitor_key",
        "uniqueness_hours": "24",
        "pacing": "none",
        "alert_percent": "80",
        **empty_inlines("links", "creatives", "caps", "goals"),
    }
    if "source" not in fields:
        fields["source"] = make_source().pk
    if "offer" not in fields:
        fields["offer"] = make_offer().pk
    return defaults | fields


def test_add_campaign_saves_it(alice: Client) -> None:
    response = alice.post("/admin/campaigns/campaign/add/", campaign_form(budget="5000"))

    assert response.status_code == 302
    assert Campaign.objects.get().budget == Decimal(5000)


def test_add_campaign_names_the_missing_exchange_rate(alice: Client) -> None:
    offer = make_offer(currency="BRL")

    response = alice.post("/admin/campaigns/campaign/add/", campaign_form(offer=offer.pk))

    assert "no exchange rate of BRL is known: add one under Exchange rates first." in text_of(response)
    assert not Campaign.objects.exists()


def test_add_campaign_takes_another_currency_once_its_rate_is_known(alice: Client) -> None:
    ExchangeRate.objects.create(currency="BRL", on_date="2026-01-02", per_euro="6.1", source="bank")

    response = alice.post("/admin/campaigns/campaign/add/", campaign_form(offer=make_offer(currency="BRL").pk))

    assert response.status_code == 302


def test_change_campaign_leaves_its_currency(alice: Client) -> None:
    campaign = make_campaign()
    form = campaign_form(name="New name", currency="USD", offer=campaign.offer_id, source=campaign.source_id)

    alice.post(f"/admin/campaigns/campaign/{campaign.pk}/change/", form)

    campaign.refresh_from_db()
    assert (campaign.name, campaign.currency) == ("New name", "EUR")


def test_pause_campaigns_says_how_many(alice: Client) -> None:
    campaigns = [make_campaign(), make_campaign(status="paused")]

    response = alice.post(
        "/admin/campaigns/campaign/",
        {"action": "pause", "_selected_action": [campaign.pk for campaign in campaigns]},
        follow=True,
    )

    assert "1 now paused; links follow within seconds." in text_of(response)
    assert set(Campaign.objects.values_list("status", flat=True)) == {"paused"}


def test_add_offer_refuses_the_trackers_own_address(alice: Client) -> None:
    form = {"name": "Loop", "brand": make_brand().pk, "url": "http://127.0.0.1:8001/c/x", "currency": "EUR"} | NO_ROWS

    response = alice.post("/admin/campaigns/offer/add/", form | {"payout": "1", "revenue": "1"})

    assert "visitors would go round in a circle" in text_of(response)


def test_add_offer_warns_of_an_address_without_click_id(alice: Client) -> None:
    form = {"name": "Plain", "brand": make_brand().pk, "url": "https://casino.example/", "currency": "EUR"} | NO_ROWS

    response = alice.post("/admin/campaigns/offer/add/", form | {"payout": "1", "revenue": "1"}, follow=True)

    assert "The address has no {click_id}" in text_of(response)


def test_add_link_refuses_the_creative_of_another_campaign(alice: Client) -> None:
    mine, theirs = make_campaign(name="Mine"), make_campaign(name="Theirs")
    creative = make_creative(theirs, name="Banner 1")

    response = alice.post(
        "/admin/campaigns/trackinglink/add/", {"code": "abc", "campaign": mine.pk, "creative": creative.pk}
    )

    assert "“Banner 1” belongs to the campaign Theirs, not to Mine." in text_of(response)
    assert not TrackingLink.objects.exists()


def test_link_page_offers_its_address_with_the_sources_parameters(alice: Client) -> None:
    source = make_source(
        click_id_parameter="fbclid", cost_parameter="cost", placement_parameter="placement", keyword_parameter=""
    )
    link = make_link(campaign=make_campaign(source=source), code="reels")

    shown = text_of(alice.get(f"/admin/campaigns/trackinglink/{link.pk}/change/"))

    assert 'data-copy="http://127.0.0.1:8001/c/reels"' in shown
    assert (
        'data-copy="http://127.0.0.1:8001/c/reels?sub_id_1={{ad.id}}&amp;cost={cost}&amp;placement={{placement}}"'
    ) in shown


def test_link_page_asks_a_source_that_appends_nothing_for_its_click_id(alice: Client) -> None:
    source = make_source(
        click_id_parameter="cid", cost_parameter="", placement_parameter="", keyword_parameter="keyword"
    )
    link = make_link(campaign=make_campaign(source=source), code="mail")

    shown = text_of(alice.get(f"/admin/campaigns/trackinglink/{link.pk}/change/"))

    assert "/c/mail?sub_id_1={sub_id_1}&amp;cid={click_id}&amp;keyword={keyword}" in shown


def test_add_spend_takes_the_campaigns_currency(alice: Client) -> None:
    campaign = make_campaign(currency="SEK")

    alice.post("/admin/campaigns/cost/add/", {"campaign": campaign.pk, "on_date": "2026-11-22", "amount": "99.50"})

    cost = Cost.objects.get()
    assert (cost.kind, cost.amount, cost.currency, cost.on_date) == (
        "spend",
        Decimal("99.50"),
        "SEK",
        date(2026, 11, 22),
    )


@pytest.mark.parametrize(
    ("amount", "sentence"),
    [("-1", "Spend is not negative"), ("1.005", "EUR has 2 digits after the point."), ("NaN", "Enter a number.")],
)
def test_add_spend_refuses_an_amount_that_cannot_be(alice: Client, amount: str, sentence: str) -> None:
    form = {"campaign": make_campaign().pk, "on_date": "2026-11-22", "amount": amount}

    assert sentence in text_of(alice.post("/admin/campaigns/cost/add/", form))
    assert not Cost.objects.exists()


def test_add_spend_refuses_a_second_row_of_the_same_day(alice: Client) -> None:
    form = {"campaign": make_campaign().pk, "on_date": "2026-11-22", "amount": "5"}
    alice.post("/admin/campaigns/cost/add/", form)

    response = alice.post("/admin/campaigns/cost/add/", form)

    assert "is entered already: correct that row." in text_of(response)
    assert Cost.objects.count() == 1


def test_add_spend_refuses_the_creative_of_another_campaign(alice: Client) -> None:
    creative = make_creative(make_campaign(name="Theirs"))
    form = {"campaign": make_campaign().pk, "creative": creative.pk, "on_date": "2026-11-22", "amount": "5"}

    assert "belongs to the campaign Theirs" in text_of(alice.post("/admin/campaigns/cost/add/", form))


def test_commission_costs_stay_as_they_were_booked(alice: Client) -> None:
    cost = Cost.objects.create(
        campaign=make_campaign(),
        partner=make_partner(),
        on_date="2026-11-22",
        kind="commission",
        amount=120,
        currency="EUR",
        reference="commission:1",
        original_amount=120,
        original_currency="EUR",
        exchange_rate=1,
        exchange_rate_on="2026-11-22",
    )
    page = f"/admin/campaigns/cost/{cost.pk}/"

    assert alice.get(f"{page}change/").status_code == 200
    assert alice.post(f"{page}change/", {"amount": "1"}).status_code == 403
    assert alice.post(f"{page}delete/", {"post": "yes"}).status_code == 403


def test_exchange_rate_that_was_used_cannot_be_changed(alice: Client) -> None:
    used = ExchangeRate.objects.create(currency="USD", on_date="2026-11-20", per_euro="1.1", source="bank")
    later = ExchangeRate.objects.create(currency="USD", on_date="2026-11-25", per_euro="1.2", source="bank")
    make_deposit(
        currency="USD",
        reporting_amount=90,
        reporting_currency="EUR",
        occurred_at=datetime(2026, 11, 22, 12, tzinfo=UTC),
    )
    form = {"currency": "USD", "on_date": "2026-11-20", "per_euro": "9", "source": "bank"}

    assert alice.post(f"/admin/campaigns/exchangerate/{used.pk}/change/", form).status_code == 403
    assert alice.post(f"/admin/campaigns/exchangerate/{used.pk}/delete/", {"post": "yes"}).status_code == 403
    assert (
        alice.post(f"/admin/campaigns/exchangerate/{later.pk}/change/", form | {"on_date": "2026-11-25"}).status_code
        == 302
    )

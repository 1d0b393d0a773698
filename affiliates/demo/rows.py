"""The rows of the demo, written once; secrets are random in each installation."""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from urllib.parse import urlsplit

from django.conf import settings
from django.db import transaction

from affiliates.models import CommissionPlan, CommissionPlanVersion, PartnerAccount
from campaigns.domain.exchange import load_ecb_rates
from campaigns.models import (
    Brand,
    Campaign,
    Creative,
    Flow,
    FlowFilter,
    FlowOffer,
    Goal,
    Licence,
    Offer,
    Partner,
    TrackingLink,
    TrafficSource,
)
from conversions.domain.destination_limits import limit_destination
from conversions.domain.platform_secrets import new_secret
from conversions.models import Destination, Platform

PLATFORM_SLUG = "gaming"
META_DATASET = "1234567890"
PARTNER_TAG = "lotus"
OFFER_COUNTRIES = ["MT", "FI", "DE", "BR"]
LINK_CODES = ["meta-reels", "meta-story", "google-brand", "google-slots", "lotus-review", "lotus-mail"]

_RATES_FOR = timedelta(days=400)
_PLAN_BEGAN_BEFORE = timedelta(days=365)
_RECEIVER = "http://127.0.0.1:8090"


@dataclass(frozen=True, kw_only=True)
class _Sources:
    meta: TrafficSource
    google: TrafficSource
    partners: TrafficSource


def is_demo_loaded() -> bool:
    return Platform.objects.filter(slug=PLATFORM_SLUG).exists()


def receiver_url() -> str:
    """Return where the simulator receives postbacks: beside Meta's stand-in, when settings name one on loopback."""
    parts = urlsplit(settings.META_BASE_URL)
    return f"{parts.scheme}://{parts.netloc}" if parts.hostname in ("127.0.0.1", "localhost") else _RECEIVER


@transaction.atomic
def write_demo_rows(*, at: datetime) -> None:
    """Write the demo's rows in one transaction; call it once."""
    load_ecb_rates(since=(at - _RATES_FOR).date())
    brand = Brand.objects.create(name="Northlight Casino", currency="EUR", valuable_deposit_amount=Decimal(50))
    offer = Offer.objects.create(
        name="Northlight welcome bonus",
        brand=brand,
        url="https://northlight.example/welcome?cid={click_id}&source={source}&sub={sub_id_1}&country={country}",
        payout=Decimal(120),
        revenue=Decimal(180),
        currency="EUR",
        countries=OFFER_COUNTRIES,
        is_licensed_only=False,  # a few of the simulator's visitors come from elsewhere
    )
    _write_licences(offer, at=at)
    partner = Partner.objects.create(name="Lotus Media", tag=PARTNER_TAG)
    _write_terms(partner, at=at)
    sources = _write_sources()
    meta = _write_meta_campaign(sources.meta, offer)
    google = _write_google_campaign(sources.google, offer)
    _write_partner_campaign(sources.partners, offer, partner)
    Platform.objects.create(
        name="Northlight back office", slug=PLATFORM_SLUG, brand=brand, secret=new_secret(), is_default=True
    )
    _write_destinations(meta, google, partner)


def _write_licences(offer: Offer, *, at: datetime) -> None:
    """Write one licence a country; the last one ends soon, so that its warning can be seen."""
    for country, days_left in zip(OFFER_COUNTRIES, (400, 400, 400, 21), strict=True):
        Licence.objects.create(
            offer=offer,
            jurisdiction=f"Example authority, {country}",
            number=f"{country}-2026-0417",
            country=country,
            valid_from=(at - _PLAN_BEGAN_BEFORE).date(),
            valid_until=(at + timedelta(days=days_left)).date(),
        )


def _write_flows(campaign: Campaign, offer: Offer) -> None:
    """Write flows that show what they can ask for; all lead to the one offer."""
    phones = Flow.objects.create(campaign=campaign, name="Phones from Meta's apps", position=1)
    FlowFilter.objects.create(flow=phones, field=FlowFilter.Field.DEVICE, values=["phone", "tablet"])
    FlowFilter.objects.create(flow=phones, field=FlowFilter.Field.PLATFORM_CLICK_ID, values=["fbclid"])
    FlowOffer.objects.create(flow=phones, offer=offer)
    others = Flow.objects.create(campaign=campaign, name="Everybody else", kind=Flow.Kind.DEFAULT, position=2)
    FlowOffer.objects.create(flow=others, offer=offer)


def _write_sources() -> _Sources:
    return _Sources(
        meta=TrafficSource.objects.create(
            name="Meta Ads",
            click_id_parameter="fbclid",
            cost_parameter="cost",
            placement_parameter="placement",
            keyword_parameter="adset",
        ),
        google=TrafficSource.objects.create(
            name="Google Ads",
            click_id_parameter="gclid",
            cost_parameter="cost",
            placement_parameter="placement",
            keyword_parameter="keyword",
        ),
        partners=TrafficSource.objects.create(name="Partners", click_id_parameter="click_id"),
    )


def _write_meta_campaign(source: TrafficSource, offer: Offer) -> Campaign:
    campaign = Campaign.objects.create(
        name="Meta · Welcome bonus · Malta and Nordics",
        source=source,
        offer=offer,
        budget=Decimal(5000),
        currency="EUR",
        time_zone="Europe/Malta",
        unknown_geography=Campaign.UnknownGeography.ALLOW,
    )
    for name, code in (("Reels 15 s, free spins", "meta-reels"), ("Story, welcome bonus", "meta-story")):
        creative = Creative.objects.create(campaign=campaign, name=name)
        TrackingLink.objects.create(code=code, campaign=campaign, creative=creative)
    Goal.objects.create(campaign=campaign, event=Goal.Event.REGISTRATION, target=400)
    Goal.objects.create(campaign=campaign, event=Goal.Event.FIRST_DEPOSIT, target=100)
    _write_flows(campaign, offer)
    return campaign


def _write_google_campaign(source: TrafficSource, offer: Offer) -> Campaign:
    campaign = Campaign.objects.create(
        name="Google · Casino keywords · Germany",
        source=source,
        offer=offer,
        budget=Decimal(8000),
        currency="EUR",
        time_zone="Europe/Berlin",
        unknown_geography=Campaign.UnknownGeography.ALLOW,
    )
    for name, code in (("Text, brand terms", "google-brand"), ("Text, slots terms", "google-slots")):
        creative = Creative.objects.create(campaign=campaign, name=name)
        TrackingLink.objects.create(code=code, campaign=campaign, creative=creative)
    Goal.objects.create(campaign=campaign, event=Goal.Event.CLICK, target=20000)
    Goal.objects.create(campaign=campaign, event=Goal.Event.FIRST_DEPOSIT, target=150)
    return campaign


def _write_partner_campaign(source: TrafficSource, offer: Offer, partner: Partner) -> None:
    campaign = Campaign.objects.create(
        name="Partners · CPA · Welcome bonus",
        source=source,
        offer=offer,
        cost_model=Campaign.CostModel.CPA,
        currency="EUR",
        time_zone="UTC",
        unknown_geography=Campaign.UnknownGeography.ALLOW,
    )
    for name, code, promo_code in (("Review page", "lotus-review", "LOTUS100"), ("Newsletter", "lotus-mail", "")):
        creative = Creative.objects.create(campaign=campaign, name=name)
        TrackingLink.objects.create(
            code=code, campaign=campaign, creative=creative, partner=partner, promo_code=promo_code
        )
    Goal.objects.create(campaign=campaign, event=Goal.Event.FIRST_DEPOSIT, target=50)


def _write_terms(partner: Partner, *, at: datetime) -> None:
    plan = CommissionPlan.objects.create(name="Flat CPA", currency="EUR")
    CommissionPlanVersion.objects.create(
        plan=plan, starts_at=at - _PLAN_BEGAN_BEFORE, cpa_amount=Decimal(120), hold_days=14
    )
    PartnerAccount.objects.create(partner=partner, plan=plan, legal_name="Lotus Media Ltd")


def _write_destinations(meta: Campaign, google: Campaign, partner: Partner) -> None:
    of_meta = Destination.objects.create(
        name="Meta dataset of the welcome bonus",
        kind=Destination.Kind.META,
        on_registration=True,
        on_first_deposit=True,
        dataset_id=META_DATASET,
        access_token=secrets.token_urlsafe(32),
    )
    of_google = Destination.objects.create(
        name="Google campaign's S2S",
        kind=Destination.Kind.GENERIC,
        on_registration=True,
        on_first_deposit=True,
        url_template=(
            f"{receiver_url()}/s2s?event={{event}}&status={{status}}&transaction_id={{transaction_id}}"
            "&click_id={click_id}&external_id={external_id}&amount={amount}&currency={currency}"
        ),
    )
    limit_destination(of_meta, campaigns=[meta], partners=[])
    limit_destination(of_google, campaigns=[google], partners=[])
    Destination.objects.create(
        name="Lotus Media",
        kind=Destination.Kind.GENERIC,
        partner=partner,
        on_first_deposit=True,
        requires_consent=False,
        url_template=(
            f"{receiver_url()}/partner?event={{event}}&status={{status}}&transaction_id={{transaction_id}}"
            "&click_id={click_id}&external_id={external_id}&payout={payout}&currency={payout_currency}"
        ),
    )

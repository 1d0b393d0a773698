"""Builders of the rows that tests begin with: each makes what it needs, every name may be given."""

import itertools
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.conf import settings

from attribution.click_ids import new_uuid7, sign_click_id
from attribution.domain.partitions import ensure_click_partitions
from attribution.models import Click
from campaigns.models import Brand, Campaign, Creative, Offer, Partner, RoutingVersion, TrackingLink, TrafficSource
from conversions.models import Platform

# 22 November 2026 is a Sunday; its noon is the tests' now.
NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
SECRET = "whsec_dGVzdHMtdGVzdHMtdGVzdHMtdGVzdHMtdGVzdHM="

_numbers = itertools.count(1)


def make_source(**columns: Any) -> TrafficSource:
    defaults = {
        "name": f"Source {next(_numbers)}",
        "click_id_parameter": "fbclid",
        "cost_parameter": "cost",
        "placement_parameter": "placement",
        "keyword_parameter": "keyword",
    }
    return TrafficSource.objects.create(**defaults | columns)


def make_partner(**columns: Any) -> Partner:
    number = next(_numbers)
    return Partner.objects.create(**{"name": f"Partner {number}", "tag": f"partner-{number}"} | columns)


def make_brand(**columns: Any) -> Brand:
    defaults = {"name": f"Brand {next(_numbers)}", "currency": "EUR", "valuable_deposit_amount": Decimal(50)}
    return Brand.objects.create(**defaults | columns)


def make_offer(**columns: Any) -> Offer:
    defaults = {
        "name": f"Offer {next(_numbers)}",
        "url": "https://casino.example/play?cid={click_id}",
        "payout": Decimal(120),
        "revenue": Decimal(200),
        "currency": "EUR",
        "is_licensed_only": False,
    }
    columns.setdefault("brand", None)
    columns["brand"] = columns["brand"] or make_brand()
    return Offer.objects.create(**defaults | columns)


def make_campaign(**columns: Any) -> Campaign:
    defaults = {"name": f"Campaign {next(_numbers)}", "currency": "EUR", "time_zone": "UTC"}
    if "source" not in columns:
        columns["source"] = make_source()
    if "offer" not in columns:
        columns["offer"] = make_offer()
    return Campaign.objects.create(**defaults | columns)


def make_creative(campaign: Campaign, **columns: Any) -> Creative:
    return Creative.objects.create(**{"campaign": campaign, "name": f"Creative {next(_numbers)}"} | columns)


def make_link(**columns: Any) -> TrackingLink:
    if "campaign" not in columns:
        columns["campaign"] = make_campaign()
    return TrackingLink.objects.create(**columns)


def make_platform(**columns: Any) -> Platform:
    number = next(_numbers)
    defaults = {"name": f"Platform {number}", "slug": f"platform-{number}", "secret": SECRET}
    if "brand" not in columns:
        columns["brand"] = make_brand()
    return Platform.objects.create(**defaults | columns)


def click_id_of(link: TrackingLink, *, at: datetime = NOON, uuid: UUID | None = None) -> str:
    """Return a click id as an edge issues it, whether or not the click is stored."""
    uuid = uuid or new_uuid7(int(at.timestamp() * 1000))
    return sign_click_id(uuid.bytes, link.id, settings.CLICK_ID_KEYS[0])


def make_click(link: TrackingLink, *, at: datetime = NOON, **columns: Any) -> Click:
    """Store a click on `link` as it stands now; its partition is made where it is missing."""
    ensure_click_partitions(at=at, days_back=0, days_ahead=0)
    version = RoutingVersion.objects.filter(id=1).values_list("version", flat=True).first() or 0
    defaults = {
        "id": new_uuid7(int(at.timestamp() * 1000)),
        "link": link,
        "campaign": link.campaign,
        "creative": link.creative,
        "partner": link.partner,
        "source": link.campaign.source,
        "offer": link.campaign.offer,
        "routing_version": version,
        "kind": "click",
        "country": "MT",
        "device": "phone",
        "currency": link.campaign.currency,
    }
    return Click.objects.create(**defaults | columns)

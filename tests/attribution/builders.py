"""Builders of what happens around a click."""

from datetime import datetime, timedelta
from typing import Any

from attribution.click_ids import new_uuid7
from attribution.domain.partitions import ensure_click_partitions
from attribution.models import Impression, LandingEvent, PreClick
from campaigns.models import TrackingLink
from tests.world import NOON


def make_landing_event(link: TrackingLink, *, at: datetime = NOON, **columns: Any) -> LandingEvent:
    """Store a view of a landing page; its partition is made where it is missing."""
    ensure_click_partitions(at=at, days_back=0, days_ahead=0)
    defaults = {
        "id": _id_at(at),
        "kind": "view",
        "click": _id_at(at - timedelta(seconds=5)),
        "link": link,
        "campaign": link.campaign,
        "outcome": "",
    }
    return LandingEvent.objects.create(**defaults | columns)


def make_impression(link: TrackingLink, *, at: datetime = NOON, **columns: Any) -> Impression:
    """Store an impression; its partition is made where it is missing."""
    ensure_click_partitions(at=at, days_back=0, days_ahead=0)
    defaults = {
        "id": _id_at(at),
        "link": link,
        "campaign": link.campaign,
        "creative": link.creative,
        "partner": link.partner,
        "source": link.campaign.source,
        "kind": "click",
        "country": "MT",
        "device": "phone",
    }
    return Impression.objects.create(**defaults | columns)


def make_pre_click(link: TrackingLink, *, at: datetime = NOON, **columns: Any) -> PreClick:
    defaults = {"id": _id_at(at), "kind": "landing", "link": link, "campaign": link.campaign, "created_at": at}
    return PreClick.objects.create(**defaults | columns)


def _id_at(at: datetime) -> Any:
    return new_uuid7(int(at.timestamp() * 1000))

"""What the simulator is told: addresses, secrets and the links to click, in a file for its owner's eyes only."""

import json
import os
import tempfile
from pathlib import Path
from typing import Any

from django.conf import settings

from affiliates.demo.geography import VISITOR_NETWORKS
from affiliates.demo.rows import LINK_CODES, META_DATASET, PLATFORM_SLUG, receiver_url
from affiliates.models import PartnerAccount
from campaigns.models import Offer, TrackingLink
from conversions.models import Destination, Platform


def write_letter(path: Path) -> None:
    """Write demo.json as the rows stand now, whatever staff changed since they were loaded."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # Made private before anything is in it: it holds secrets.
    handle, half = tempfile.mkstemp(dir=path.parent, prefix=".demo-")
    with os.fdopen(handle, "w") as written:
        json.dump(_letter(), written, indent=2, ensure_ascii=False)
    Path(half).replace(path)


def _letter() -> dict[str, Any]:
    platform = Platform.objects.get(slug=PLATFORM_SLUG)
    links = TrackingLink.objects.filter(code__in=LINK_CODES).select_related(
        "campaign__source", "campaign__offer", "creative", "partner"
    )
    accounts = PartnerAccount.objects.filter(is_active=True).select_related("partner", "plan").order_by("id")
    meta = Destination.objects.filter(kind=Destination.Kind.META, dataset_id=META_DATASET).order_by("id").first()
    return {
        "web_url": settings.PUBLIC_WEB_URL,
        "click_url": settings.PUBLIC_CLICK_URL,
        "receiver_url": receiver_url(),
        "platform": {"slug": platform.slug, "secret": platform.secret},
        "links": [_link(link, link.campaign.offer) for link in links.order_by("id") if link.campaign.offer],
        "partners": [partner for account in accounts if (partner := _partner(account))],
        "meta": {"dataset_id": META_DATASET, "access_token": meta.access_token if meta else ""},
        "visitor_networks": VISITOR_NETWORKS,
    }


def _link(link: TrackingLink, offer: Offer) -> dict[str, Any]:
    campaign = link.campaign
    return {
        "code": link.code,
        "campaign": campaign.name,
        "campaign_id": campaign.pk,
        "creative": link.creative.name if link.creative else None,
        "partner": link.partner.tag if link.partner else None,
        "source": campaign.source.name,
        "click_id_parameter": campaign.source.click_id_parameter,
        "cost_parameter": campaign.source.cost_parameter,
        "offer_url": offer.url,
        "offer_revenue": f"{offer.revenue.normalize():f}",
        "promo_code": link.promo_code,
    }


def _partner(account: PartnerAccount) -> dict[str, Any] | None:
    version = account.plan.versions.order_by("-starts_at").first()
    if version is None:
        return None
    return {
        "tag": account.partner.tag,
        "name": account.partner.name,
        "cpa_amount": f"{version.cpa_amount.normalize():f}",
        "currency": account.plan.currency,
    }

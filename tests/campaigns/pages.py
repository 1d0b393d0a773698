"""What tests of the admin's pages post and read."""

import html
from typing import Any

from django.contrib.auth.models import User
from django.test import Client

from campaigns.models import Campaign, Flow, Offer


def admin_client(name: str = "alice") -> Client:
    """Return the client of a superuser."""
    client = Client()
    client.force_login(User.objects.create_superuser(name))
    return client


def text_of(response: Any) -> str:
    return html.unescape(response.content.decode())


def rows(prefix: str, *lines: dict[str, Any], initial: int = 0) -> dict[str, Any]:
    """Return the fields of an inline with these lines, of which the first `initial` are stored ones."""
    counts = {f"{prefix}-TOTAL_FORMS": str(len(lines)), f"{prefix}-INITIAL_FORMS": str(initial)}
    fields = {f"{prefix}-{number}-{name}": value for number, line in enumerate(lines) for name, value in line.items()}
    return counts | fields


def campaign_form(campaign: Campaign, **fields: Any) -> dict[str, Any]:
    """Return what the page of a stored campaign posts, without inline rows."""
    defaults = {
        "name": campaign.name,
        "status": campaign.status,
        "source": campaign.source_id,
        "offer": campaign.offer_id or "",
        "cost_model": campaign.cost_model,
        "time_zone": campaign.time_zone,
        "flow_choice": campaign.flow_choice,
        "fallback_url": campaign.fallback_url,
        "unknown_geography": campaign.unknown_geography,
        "uniqueness": campaign.uniqueness,
        "uniqueness_hours": campaign.uniqueness_hours,
        "pacing": campaign.pacing,
        "alert_percent": campaign.alert_percent,
    }
    empty = {**rows("links"), **rows("creatives"), **rows("caps"), **rows("goals")}
    return defaults | empty | fields


def flow_form(flow: Flow | None = None, **fields: Any) -> dict[str, Any]:
    """Return what the page of a flow posts, with its stored offers and landing pages."""
    defaults: dict[str, Any] = {
        "name": "Germany",
        "kind": "regular",
        "position": "1",
        "weight": "100",
        "action": "offers",
        "joined_by": "all",
        "is_active": "on",
        **rows("filters"),
        **rows("flow_offers"),
        **rows("flow_landing_pages"),
        **rows("caps"),
    }
    if flow:
        offers = [
            {"id": row.pk, "offer": row.offer_id, "weight": row.weight, "position": row.position}
            for row in flow.flow_offers.all()
        ]
        defaults |= {"name": flow.name, "kind": flow.kind, **rows("flow_offers", *offers, initial=len(offers))}
    return defaults | fields


def offer_form(offer: Offer | None = None, **fields: Any) -> dict[str, Any]:
    """Return what the page of an offer posts, without licences and caps."""
    defaults: dict[str, Any] = {"name": "Slots", "url": "https://casino.example/?cid={click_id}", "currency": "EUR"}
    if offer:
        defaults = {"name": offer.name, "url": offer.url, "currency": offer.currency, "brand": offer.brand_id}
    return defaults | {"payout": "1", "revenue": "1", **rows("licences"), **rows("caps")} | fields

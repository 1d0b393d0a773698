"""The admin's first page: today's figures, and what needs a person."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse

from analytics.access import may_see_figures
from analytics.domain.campaign_days import CampaignDay, campaign_days, cost_per_first_deposit, only_currency, total
from analytics.freshness import freshness
from attribution.models import SetAsideClick
from campaigns.models import Campaign
from conversions.models import Anomaly, Conversion, Destination, Postback
from tracker_project.common.money import format_amount
from tracker_project.common.pages import NOTHING
from tracker_project.common.time import day_in_zone

# Beyond this many the exact number tells nobody more, and is not counted.
_MOST = 1000
_RECENT = timedelta(days=7)


@dataclass(frozen=True, kw_only=True)
class Figure:
    name: str
    text: str
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class Concern:
    """Something that waits for a person, and where it is dealt with."""

    count: str
    text: str
    url: str


def dashboard(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Add today's figures and the open concerns to the first page's context, as far as the person may see them."""
    now = datetime.now(UTC)
    context["figures"] = list(_figures(_today(now))) if may_see_figures(request.user) else []
    context["concerns"] = list(_concerns(request.user, now))
    context["freshness"] = freshness(at=now)
    context["has_campaigns"] = Campaign.objects.exists()
    return context


def _today(now: datetime) -> list[CampaignDay]:
    """Return today's rows, each campaign's today being that of its own zone."""
    around = campaign_days(first=now.date() - timedelta(days=1), last=now.date() + timedelta(days=1))
    return [row for row in around if row.day == day_in_zone(now, row.campaign.time_zone if row.campaign else "UTC")]


def _figures(rows: list[CampaignDay]) -> Iterator[Figure]:
    sums, currency = total(rows), only_currency(rows)
    cpa = cost_per_first_deposit(sums, currency)
    held = sums.first_deposits_held
    yield Figure(name="Clicks", text=f"{sums.clicks:,}", note=f"{sums.bots:,} bots apart" if sums.bots else "")
    yield Figure(name="Registrations", text=f"{sums.registrations:,}")
    yield Figure(name="FTD net", text=f"{sums.first_deposits_net:,}", note=f"{held:,} of them held" if held else "")
    several = "several currencies: see the table" if rows and currency is None else ""
    for name, amount in (("Cost", sums.cost), ("CPA", cpa), ("Revenue", sums.revenue)):
        text = NOTHING if amount is None or currency is None else f"{format_amount(amount, currency)} {currency}"
        yield Figure(name=name, text=text, note=several)


def _concerns(user: Any, now: datetime) -> Iterator[Concern]:
    for permission, rows, text, page in _watched(now - _RECENT):
        count = rows[: _MOST + 1].count() if user.has_perm(permission) else 0
        if count:
            yield Concern(count=f"more than {_MOST:,}" if count > _MOST else f"{count:,}", text=text, url=_url(page))


def _watched(since: datetime) -> list[tuple[str, QuerySet[Any], str, str]]:
    """Return what is watched: who may see it, its rows (found by index), what to say, and the list to open."""
    held = Conversion.objects.filter(review_state=Conversion.Review.HELD)
    off = Destination.objects.filter(is_active=False).exclude(disabled_reason="")
    dead = Postback.objects.filter(state=Postback.State.DEAD, created_at__gte=since)
    anomalies = Anomaly.objects.filter(received_at__gte=since)
    set_aside = SetAsideClick.objects.all()
    return [
        ("fraud.view_review", held, "Conversions held for a decision", "fraud_review:waiting=1"),
        (
            "conversions.view_destination",
            off,
            "switched off: destinations",
            "conversions_destination:is_active__exact=0",
        ),
        (
            "conversions.view_postback",
            dead,
            "Postbacks given up within 7 days",
            "conversions_postback:state__exact=dead",
        ),
        ("conversions.view_anomaly", anomalies, "Contradicting messages within 7 days", "conversions_anomaly:"),
        (
            "attribution.view_setasideclick",
            set_aside,
            "Lines that became no click",
            "attribution_setasideclick:",
        ),
    ]


def _url(page: str) -> str:
    name, _, query = page.partition(":")
    return f"{reverse(f'admin:{name}_changelist')}?{query}".rstrip("?")

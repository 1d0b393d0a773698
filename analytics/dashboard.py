"""The admin's first page: today's figures, and what needs a person."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.template.defaultfilters import filesizeformat

from analytics.access import may_see_figures
from analytics.domain.campaign_days import (
    NO_CAMPAIGN_ZONE,
    CampaignDay,
    campaign_days,
    cost_per_first_deposit,
    only_currency,
    total,
)
from analytics.freshness import freshness
from attribution.domain.databases import InstalledDatabase, installed_databases
from attribution.edge.configuration import configuration_from
from attribution.edge.spool import spool_bytes
from attribution.models import Click, SetAsideClick
from campaigns.models import Campaign, CampaignAlert
from conversions.models import Anomaly, AppPostbackConflict, Conversion, Destination, Postback, SourceWatch
from fraud.models import Review
from tracker_project.common.money import format_amount
from tracker_project.common.pages import NOTHING, list_address
from tracker_project.common.time import day_in_zone

# Beyond this many the exact number tells nobody more, and is not counted.
_MOST = 1000
_RECENT = timedelta(days=7)
_BRING_ONE = "Bring one by manage.py update_geoip."


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


@dataclass(frozen=True, kw_only=True)
class DatabaseCard:
    """A geography database in words; `warning` says what to do about it, `names_db_ip` that a link is owed."""

    name: str
    text: str
    note: str
    warning: str
    names_db_ip: bool


def dashboard(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Add today's figures and the open concerns to the first page's context, as far as the person may see them."""
    now = datetime.now(UTC)
    context["figures"] = list(_figures(_today(now))) if may_see_figures(request.user) else []
    context["concerns"] = list(_concerns(request.user, now))
    context["freshness"] = freshness(at=now)
    context["databases"] = list(_databases(now)) if request.user.has_perm("attribution.view_click") else []
    context["has_campaigns"] = Campaign.objects.exists()
    return context


def _today(now: datetime) -> list[CampaignDay]:
    """Return today's rows, each campaign's today being that of its own zone."""
    zones = {NO_CAMPAIGN_ZONE, *Campaign.objects.values_list("time_zone", flat=True).distinct()}
    today_in = {zone: day_in_zone(now, zone) for zone in zones}
    rows = campaign_days(first=min(today_in.values()), last=max(today_in.values()))
    return [row for row in rows if row.day == today_in[row.campaign.time_zone if row.campaign else NO_CAMPAIGN_ZONE]]


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


@dataclass(frozen=True, kw_only=True)
class _Watched:
    """Rows, found by an index, that are a concern while there are any: who may see them, and the list to open."""

    permission: str
    rows: QuerySet[Any]
    text: str
    model: type[Model]
    query: str = ""


def _watched(since: datetime) -> list[_Watched]:
    return [
        _Watched(
            permission="campaigns.view_campaignalert",
            rows=CampaignAlert.objects.filter(seen_at=None, created_at__gte=since),
            text="Alerts of campaigns within 7 days: budgets, caps, licences, permissions",
            model=CampaignAlert,
            query="?seen=no",
        ),
        _Watched(
            permission="fraud.view_review",
            rows=Conversion.objects.filter(review_state=Conversion.Review.HELD),
            text="Conversions held for a decision",
            model=Review,
            query="?waiting=1",
        ),
        _Watched(
            permission="conversions.view_destination",
            rows=Destination.objects.filter(is_active=False).exclude(disabled_reason=""),
            text="Destinations switched off by the tracker",
            model=Destination,
            query="?is_active__exact=0",
        ),
        _Watched(
            permission="conversions.view_destination",
            rows=Destination.objects.filter(is_active=True).exclude(alarm=""),
            text="Destinations whose deliveries are unusual",
            model=Destination,
        ),
        _Watched(
            permission="conversions.view_sourcewatch",
            rows=SourceWatch.objects.exclude(alarm=""),
            text="Sources that have fallen silent",
            model=SourceWatch,
            query="?silent=yes",
        ),
        _Watched(
            permission="conversions.view_postback",
            rows=Postback.objects.filter(state=Postback.State.DEAD, created_at__gte=since),
            text="Postbacks given up within 7 days",
            model=Postback,
            query="?state__exact=dead",
        ),
        _Watched(
            permission="conversions.view_anomaly",
            rows=Anomaly.objects.filter(received_at__gte=since),
            text="Contradicting messages within 7 days",
            model=Anomaly,
        ),
        _Watched(
            permission="conversions.view_apppostbackconflict",
            rows=AppPostbackConflict.objects.filter(received_at__gte=since),
            text="Contradicting Apple postbacks within 7 days",
            model=AppPostbackConflict,
        ),
        _Watched(
            permission="attribution.view_setasideclick",
            rows=SetAsideClick.objects.all(),
            text="Stored lines that became no click",
            model=SetAsideClick,
        ),
    ]


def _concerns(user: Any, now: datetime) -> Iterator[Concern]:
    for watched in _watched(now - _RECENT):
        count = watched.rows[: _MOST + 1].count() if user.has_perm(watched.permission) else 0
        if count:
            shown = f"more than {_MOST:,}" if count > _MOST else f"{count:,}"
            yield Concern(count=shown, text=watched.text, url=list_address(watched.model) + watched.query)
    waiting = spool_bytes(configuration_from(settings).spool_folder) if user.has_perm("attribution.view_click") else 0
    if waiting:
        text = "Clicks in this machine's spool, waiting for Postgres"
        yield Concern(count=filesizeformat(waiting), text=text, url=list_address(Click))


def _databases(now: datetime) -> Iterator[DatabaseCard]:
    for database in installed_databases():
        found = database.description
        if found is None:
            yield DatabaseCard(
                name=database.purpose, text="none", note=database.trouble, warning=_BRING_ONE, names_db_ip=False
            )
            continue
        age = found.age(at=now).days
        yield DatabaseCard(
            name=database.purpose,
            text=f"{age:,} day{'' if age == 1 else 's'} old",
            note=f"{found.type} ({found.layout}), built on {found.built_on:%-d %b %Y}",
            warning=_database_warning(database, now),
            names_db_ip=found.names_db_ip,
        )


def _database_warning(database: InstalledDatabase, now: datetime) -> str:
    found = database.description
    if found is not None and found.is_old(at=now):
        return f"Older than {found.fresh_for.days} days: {_BRING_ONE[0].lower()}{_BRING_ONE[1:]}"
    if found is not None and found.ip_version == 4:
        return "It knows no IPv6 address: such visitors' place is unknown."
    return ""

"""The table campaign × day: clicks, registrations, first deposits and money, in each campaign's own days and currency.

Clicks, conversions and costs are counted apart and joined on campaign and day. A day is one of the campaign's time
zone: a click falls on the day it was made, a conversion on the day it occurred (a first deposit stays on its day when
it is reversed later), a cost on the day that it was entered or booked for.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, fields
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db import connection

from attribution.click_ids import uuid_floor
from campaigns.models import Campaign
from tracker_project.common.money import round_money
from tracker_project.common.time import day_bounds

# Conversions that nobody's campaign brought have no zone of their own.
NO_CAMPAIGN_ZONE = "UTC"
_ZERO = Decimal(0)


@dataclass(frozen=True, kw_only=True)
class Figures:
    """Counts, and amounts in units of one currency, exact and unrounded.

    `clicks` are visitors who were sent on, `unique_clicks` the part of them that came for the first time. Who was not
    sent on counts apart: `while_paused` (a stopped flow's too), `elsewhere` (outside all licences), `unknown_place`,
    `capped`, `nowhere` (nothing to send them to); and so do `bots`, `previews`, `excess` (too many from one visitor)
    and `staff`. Clicks cleared as tests count nowhere. `landing_views` and `click_throughs` are of landing pages.
    `first_deposits_gross`
    are all deposits marked first, `first_deposits_net` those neither reversed nor rejected, `first_deposits_held` the
    part of net that review holds. `cost` is click cost, spend and commission together; `commission` the part of it
    that partners earned.
    """

    impressions: int = 0
    clicks: int = 0
    unique_clicks: int = 0
    landing_views: int = 0
    click_throughs: int = 0
    bots: int = 0
    previews: int = 0
    excess: int = 0
    staff: int = 0
    while_paused: int = 0
    elsewhere: int = 0
    unknown_place: int = 0
    capped: int = 0
    nowhere: int = 0
    registrations: int = 0
    first_deposits_gross: int = 0
    first_deposits_net: int = 0
    first_deposits_held: int = 0
    click_cost: Decimal = _ZERO
    spend: Decimal = _ZERO
    commission: Decimal = _ZERO
    revenue: Decimal = _ZERO

    def __add__(self, other: "Figures") -> "Figures":
        return Figures(**{field.name: getattr(self, field.name) + getattr(other, field.name) for field in _FIELDS})

    @property
    def cost(self) -> Decimal:
        return self.click_cost + self.spend + self.commission

    @property
    def is_empty(self) -> bool:
        return not any(getattr(self, field.name) for field in _FIELDS)


_FIELDS = fields(Figures)


@dataclass(frozen=True, kw_only=True)
class CampaignDay:
    """One row; without a campaign there is neither currency nor money."""

    campaign: Campaign | None
    day: date
    figures: Figures


def campaign_days(*, first: date, last: date, campaigns: Iterable[Campaign] | None = None) -> list[CampaignDay]:
    """Return the days from `first` to `last` (both in) on which something happened, by campaign's name, newest first.

    Without `campaigns` all of them, and last the days of conversions that no campaign brought.
    """
    chosen = list(Campaign.objects.all() if campaigns is None else campaigns)
    period = _Period(first=first, last=last, zones=_zones(chosen, with_none=campaigns is None))
    cells: dict[tuple[int | None, date], Figures] = {}
    ids = None if campaigns is None else [campaign.pk for campaign in chosen]
    for count in (_count_clicks, _count_impressions, _count_landing_events, _count_conversions, _sum_costs):
        for key, figures in count(period, ids).items():
            cells[key] = cells.get(key, Figures()) + figures
    known: dict[int | None, Campaign | None] = {campaign.pk: campaign for campaign in chosen}
    known[None] = None
    rows = [
        CampaignDay(campaign=known[campaign_id], day=day, figures=figures)
        for (campaign_id, day), figures in cells.items()
        if campaign_id in known and not figures.is_empty
    ]
    return sorted(rows, key=_order)


def total(rows: Iterable[CampaignDay]) -> Figures:
    """Return the sum of the rows; its amounts mean something only where all are of one currency."""
    return sum((row.figures for row in rows), Figures())


def only_currency(rows: Iterable[CampaignDay]) -> str | None:
    """Return the currency of all rows that have one, or None where there are several or none."""
    currencies = {row.campaign.currency for row in rows if row.campaign}
    return currencies.pop() if len(currencies) == 1 else None


def cost_per_first_deposit(figures: Figures, currency: str | None) -> Decimal | None:
    """Return the CPA: cost over first deposits neither reversed nor rejected, rounded once; None without any."""
    if currency is None or not figures.first_deposits_net:
        return None
    return round_money(figures.cost / figures.first_deposits_net, currency)


@dataclass(frozen=True, kw_only=True)
class _Period:
    """A range of days, and where each begins in every zone that is asked for."""

    first: date
    last: date
    zones: Collection[str]

    @property
    def days(self) -> list[date]:
        return [self.first + timedelta(days=number) for number in range((self.last - self.first).days + 1)]

    def bounds(self, zone: str) -> list[datetime]:
        """Return where each day begins in `zone`, and where the last one ends."""
        days = self.days
        return [day_bounds(day, zone)[0] for day in days] + [day_bounds(days[-1], zone)[1]]

    @property
    def starts_at(self) -> datetime:
        return min(self.bounds(zone)[0] for zone in self.zones)

    @property
    def ends_at(self) -> datetime:
        return max(self.bounds(zone)[-1] for zone in self.zones)


def _zones(campaigns: Iterable[Campaign], *, with_none: bool) -> set[str]:
    zones = {campaign.time_zone for campaign in campaigns}
    return zones | {NO_CAMPAIGN_ZONE} if with_none or not zones else zones


# What is counted of clicks, and of which ones. Sources bill neither declared bots nor previews, so what those carried
# as cost was not spent.
_SENT_ON = "kind = 'click' AND outcome IN ('offer', 'landing', 'direct')"
_CLICK_COUNTS = {
    "clicks": f"count(*) FILTER (WHERE {_SENT_ON})",
    "unique_clicks": f"count(*) FILTER (WHERE {_SENT_ON} AND is_unique)",
    "bots": "count(*) FILTER (WHERE kind = 'bot')",
    "previews": "count(*) FILTER (WHERE kind = 'preview')",
    "excess": "count(*) FILTER (WHERE kind = 'excess')",
    "staff": "count(*) FILTER (WHERE kind = 'staff')",
    "while_paused": "count(*) FILTER (WHERE kind = 'click' AND outcome IN ('paused', 'stopped'))",
    "elsewhere": "count(*) FILTER (WHERE kind = 'click' AND outcome = 'elsewhere')",
    "unknown_place": "count(*) FILTER (WHERE kind = 'click' AND outcome = 'unknown_place')",
    "capped": "count(*) FILTER (WHERE kind = 'click' AND outcome = 'capped')",
    "nowhere": "count(*) FILTER (WHERE kind = 'click' AND outcome = 'broken')",
    "click_cost": "coalesce(sum(cost) FILTER (WHERE kind = 'click'), 0)",
}
_IMPRESSION_COUNTS = {"impressions": "count(*) FILTER (WHERE kind = 'click')"}
_LANDING_COUNTS = {
    "landing_views": "count(*) FILTER (WHERE kind = 'view')",
    "click_throughs": "count(*) FILTER (WHERE kind = 'click_through')",
}


def _count_clicks(period: _Period, ids: list[int] | None) -> dict[tuple[int | None, date], Figures]:
    return _count_by_id(period, ids, table="clicks", counts=_CLICK_COUNTS)


def _count_impressions(period: _Period, ids: list[int] | None) -> dict[tuple[int | None, date], Figures]:
    return _count_by_id(period, ids, table="impressions", counts=_IMPRESSION_COUNTS)


def _count_landing_events(period: _Period, ids: list[int] | None) -> dict[tuple[int | None, date], Figures]:
    return _count_by_id(period, ids, table="landing_events", counts=_LANDING_COUNTS)


def _count_by_id(
    period: _Period, ids: list[int] | None, *, table: str, counts: dict[str, str]
) -> dict[tuple[int | None, date], Figures]:
    """Count in one reading of the period's partitions, each row put into its day by the bounds of its zone."""
    zones, parameters = _zone_rows(period, cast="uuid", bound_of=uuid_floor)
    sql = f"""
        WITH zone (name, bounds) AS (VALUES {zones})
        SELECT counted.campaign_id, width_bucket(counted.id, zone.bounds) AS day_number, {", ".join(counts.values())}
        FROM {table} counted
        JOIN campaigns campaign ON campaign.id = counted.campaign_id
        JOIN zone ON zone.name = campaign.time_zone
        WHERE counted.id >= %s AND counted.id < %s
          AND (%s::bigint[] IS NULL OR counted.campaign_id = ANY (%s::bigint[]))
        GROUP BY 1, 2
    """  # noqa: S608  (only placeholders and constants are put in)
    bounds = [uuid_floor(period.starts_at), uuid_floor(period.ends_at)]
    return _figures_by_day(period, sql, [*parameters, *bounds, ids, ids], list(counts))


def _count_conversions(period: _Period, ids: list[int] | None) -> dict[tuple[int | None, date], Figures]:
    zones, parameters = _zone_rows(period, cast="timestamptz", bound_of=lambda at: at)
    sql = f"""
        WITH zone (name, bounds) AS (VALUES {zones})
        SELECT done.campaign_id, width_bucket(done.occurred_at, zone.bounds) AS day_number,
               count(*) FILTER (WHERE done.kind = 'registration' AND done.status NOT IN ('rejected', 'void')),
               count(*) FILTER (WHERE done.is_first_deposit),
               count(*) FILTER (WHERE done.is_first_deposit AND net.is_net),
               count(*) FILTER (WHERE done.is_first_deposit AND net.is_net AND done.review_state = 'held'),
               coalesce(sum(revenue.amount) FILTER (WHERE done.is_first_deposit AND net.is_net), 0)
        FROM conversions done
        CROSS JOIN LATERAL (SELECT done.reversed_at IS NULL AND done.review_state <> 'rejected' AS is_net) net
        LEFT JOIN campaigns campaign ON campaign.id = done.campaign_id
        JOIN zone ON zone.name = coalesce(campaign.time_zone, '{NO_CAMPAIGN_ZONE}')
        LEFT JOIN revenues revenue ON revenue.conversion_id = done.id
        WHERE done.occurred_at >= %s AND done.occurred_at < %s AND NOT done.is_test
          AND (done.kind = 'registration' OR done.is_first_deposit)
          AND (%s::bigint[] IS NULL OR done.campaign_id = ANY (%s::bigint[]))
        GROUP BY 1, 2
    """  # noqa: S608  (only placeholders and a constant are put in)
    names = ["registrations", "first_deposits_gross", "first_deposits_net", "first_deposits_held", "revenue"]
    return _figures_by_day(period, sql, [*parameters, period.starts_at, period.ends_at, ids, ids], names)


def _sum_costs(period: _Period, ids: list[int] | None) -> dict[tuple[int | None, date], Figures]:
    sql = """
        SELECT campaign_id, on_date - %s + 1 AS day_number,
               coalesce(sum(amount) FILTER (WHERE kind = 'spend'), 0),
               coalesce(sum(amount) FILTER (WHERE kind = 'commission'), 0)
        FROM costs
        WHERE on_date BETWEEN %s AND %s AND (%s::bigint[] IS NULL OR campaign_id = ANY (%s::bigint[]))
        GROUP BY 1, 2
    """
    return _figures_by_day(period, sql, [period.first, period.first, period.last, ids, ids], ["spend", "commission"])


def _zone_rows(period: _Period, *, cast: str, bound_of: Any) -> tuple[str, list[Any]]:
    """Return the rows of a VALUES list, a zone's name and its bounds each, and what to fill in."""
    parameters: list[Any] = []
    for zone in sorted(period.zones):
        parameters += [zone, [bound_of(bound) for bound in period.bounds(zone)]]
    return ", ".join([f"(%s, %s::{cast}[])"] * len(period.zones)), parameters


def _figures_by_day(
    period: _Period, sql: str, parameters: list[Any], names: list[str]
) -> dict[tuple[int | None, date], Figures]:
    """Return what `sql` counted by campaign and day; bucket 1 is the first day, others than the period's are cut."""
    days = period.days
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        rows = cursor.fetchall()
    return {
        (campaign_id, days[number - 1]): Figures(**dict(zip(names, counted, strict=True)))
        for campaign_id, number, *counted in rows
        if 1 <= number <= len(days)
    }


def _order(row: CampaignDay) -> tuple[bool, str, int, int]:
    newest_first = -row.day.toordinal()
    if row.campaign is None:
        return (True, "", 0, newest_first)
    return (False, row.campaign.name.casefold(), row.campaign.pk, newest_first)

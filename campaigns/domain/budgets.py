"""How much of each budget is spent: what edges counted of clicks' cost, and the rows of costs."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal

from django.db import connection
from django.db.models import Q, QuerySet, Sum

from campaigns.models import Campaign, CampaignSpend, Cost
from tracker_project.common.time import day_in_zone

# The counter of rows of costs; all others but the next are edges'.
COSTS = "costs"
FOLDED = "folded"
_SILENT_FOR = timedelta(days=1)


@dataclass(frozen=True, kw_only=True)
class BudgetStanding:
    """A budget of a campaign, for `day` or (None) for the whole of it, and what is spent of it in its currency."""

    campaign: Campaign
    day: date | None
    budget: Decimal
    spent: Decimal

    @property
    def is_reached(self) -> bool:
        return self.spent >= self.budget

    @property
    def percent(self) -> int:
        return int(100 * self.spent / self.budget)


def campaigns_with_budgets() -> QuerySet[Campaign]:
    """Return the campaigns in use that have a budget for a day or for the whole."""
    has_budget = Q(daily_budget__gt=0) | Q(budget__gt=0)
    return Campaign.objects.filter(has_budget).exclude(status=Campaign.Status.ARCHIVED).order_by("id")


def budget_standings(campaigns: Sequence[Campaign], *, at: datetime) -> list[BudgetStanding]:
    """Return how much of each budget is spent at `at`: the day's, then the whole; always three queries.

    A day's spend is what the counters say, as edges read it; the whole adds the cost rows of all days to what edges
    counted, so that a correction of an old day counts at once.
    """
    days = {campaign.pk: day_in_zone(at, campaign.time_zone) for campaign in campaigns}
    on_day = _spent_on(days)
    in_all = _spent_in_all([campaign.pk for campaign in campaigns if campaign.budget])
    standings = []
    for campaign in campaigns:
        if campaign.daily_budget:
            day = days[campaign.pk]
            spent = on_day[campaign.pk, day]
            standings.append(BudgetStanding(campaign=campaign, day=day, budget=campaign.daily_budget, spent=spent))
        if campaign.budget:
            spent = in_all[campaign.pk]
            standings.append(BudgetStanding(campaign=campaign, day=None, budget=campaign.budget, spent=spent))
    return standings


def write_cost_spends(*, at: datetime) -> None:
    """Set the counter of costs to the sums of spend and commission, for yesterday and today of each daily budget."""
    campaigns = Campaign.objects.filter(daily_budget__gt=0).exclude(status=Campaign.Status.ARCHIVED)
    days = [
        (pk, day_in_zone(at, zone) - timedelta(days=back))
        for pk, zone in campaigns.order_by("id").values_list("id", "time_zone")
        for back in (1, 0)
    ]
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO campaign_spends (campaign_id, day, counter, amount, updated_at)
            SELECT asked.campaign_id, asked.day, %s, coalesce(sum(costs.amount), 0), now()
            FROM unnest(%s::bigint[], %s::date[]) asked (campaign_id, day)
            JOIN campaigns ON campaigns.id = asked.campaign_id
            LEFT JOIN costs ON costs.campaign_id = asked.campaign_id AND costs.on_date = asked.day
            GROUP BY asked.campaign_id, asked.day
            ORDER BY asked.campaign_id, asked.day
            ON CONFLICT (campaign_id, day, counter)
            DO UPDATE SET amount = excluded.amount, updated_at = excluded.updated_at
            WHERE campaign_spends.amount <> excluded.amount
            """,
            [COSTS, [pk for pk, _ in days], [day for _, day in days]],
        )


def fold_campaign_spends(*, at: datetime) -> int:
    """Fold the counters of days that are over, silent for a day, into one a campaign and day; return how many.

    Sums stay the same at every instant; two runs at once fold nothing twice.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            """
            WITH silent AS (
                DELETE FROM campaign_spends
                WHERE counter NOT IN (%(costs)s, %(folded)s) AND updated_at < %(silent_since)s AND day < %(over)s
                RETURNING campaign_id, day, amount
            ), folded AS (
                INSERT INTO campaign_spends (campaign_id, day, counter, amount, updated_at)
                SELECT campaign_id, day, %(folded)s, sum(amount), %(at)s FROM silent GROUP BY campaign_id, day
                ON CONFLICT (campaign_id, day, counter)
                DO UPDATE SET amount = campaign_spends.amount + excluded.amount, updated_at = excluded.updated_at
            )
            SELECT count(*) FROM silent
            """,
            {
                "costs": COSTS,
                "folded": FOLDED,
                "at": at,
                "silent_since": at - _SILENT_FOR,
                "over": at.date() - timedelta(days=1),
            },
        )
        folded: int = cursor.fetchone()[0]
    return folded


def _spent_on(days: dict[int, date]) -> dict[tuple[int, date], Decimal]:
    rows = (
        CampaignSpend.objects.filter(campaign__in=days, day__in=set(days.values()))
        .values_list("campaign", "day")
        .annotate(sum=Sum("amount"))
        .order_by()
    )
    return defaultdict(Decimal, {(campaign, day): amount for campaign, day, amount in rows})


def _spent_in_all(campaigns: Sequence[int]) -> dict[int, Decimal]:
    spent: dict[int, Decimal] = defaultdict(Decimal)
    clicks = CampaignSpend.objects.filter(campaign__in=campaigns).exclude(counter=COSTS)
    costs = Cost.objects.filter(campaign__in=campaigns)
    for rows in (clicks, costs):
        for campaign, amount in rows.values_list("campaign").annotate(sum=Sum("amount")).order_by():
            spent[campaign] += amount
    return spent

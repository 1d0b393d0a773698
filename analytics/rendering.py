"""The campaign-day table for programs: plain rows, and the CSV of what a page shows."""

import csv
import io
from collections.abc import Iterable
from decimal import Decimal

from analytics.domain.campaign_days import NO_CAMPAIGN_ZONE, CampaignDay, cost_per_first_deposit
from tracker_project.common.exports import disarm_text, plain_number
from tracker_project.common.money import round_money

PlainRow = dict[str, str | int | None]


def plain_row(row: CampaignDay) -> PlainRow:
    """Return a row by column name; amounts are text, rounded to the campaign's currency, empty where there is none."""
    campaign, figures = row.campaign, row.figures
    currency = campaign.currency if campaign else None
    cpa = cost_per_first_deposit(figures, currency)
    return {
        "campaign_id": campaign.pk if campaign else None,
        "campaign": campaign.name if campaign else None,
        "day": row.day.isoformat(),
        "time_zone": campaign.time_zone if campaign else NO_CAMPAIGN_ZONE,
        "currency": currency,
        "impressions": figures.impressions,
        "clicks": figures.clicks,
        "unique_clicks": figures.unique_clicks,
        "landing_views": figures.landing_views,
        "click_throughs": figures.click_throughs,
        "bots": figures.bots,
        "previews": figures.previews,
        "excess": figures.excess,
        "staff": figures.staff,
        "while_paused": figures.while_paused,
        "elsewhere": figures.elsewhere,
        "unknown_place": figures.unknown_place,
        "capped": figures.capped,
        "nowhere": figures.nowhere,
        "registrations": figures.registrations,
        "first_deposits_gross": figures.first_deposits_gross,
        "first_deposits_held": figures.first_deposits_held,
        "first_deposits_net": figures.first_deposits_net,
        "cost": _amount(figures.cost, currency),
        "cpa": None if cpa is None else plain_number(cpa),
        "click_cost": _amount(figures.click_cost, currency),
        "spend": _amount(figures.spend, currency),
        "commission": _amount(figures.commission, currency),
        "revenue": _amount(figures.revenue, currency),
    }


def campaign_days_csv(rows: Iterable[CampaignDay]) -> str:
    """Return the rows as CSV under their column names."""
    plain = [plain_row(row) for row in rows]
    names = list(plain[0]) if plain else ["campaign_id", "campaign", "day"]
    written = io.StringIO()
    writer = csv.DictWriter(written, names)
    writer.writeheader()
    writer.writerows(row | {"campaign": disarm_text(str(row["campaign"] or "no campaign"))} for row in plain)
    return written.getvalue()


def _amount(amount: Decimal, currency: str | None) -> str | None:
    return plain_number(round_money(amount, currency)) if currency else None

"""The campaign-day table as a page shows it: groups of rows of text."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby

from analytics.domain.campaign_days import CampaignDay, Figures, cost_per_first_deposit, only_currency, total
from campaigns.models import Campaign
from tracker_project.common.money import format_amount

NOTHING = "–"


@dataclass(frozen=True, kw_only=True)
class Column:
    """A heading and what stands under it, in words for the reader; `is_lead` columns are the ones decided by."""

    name: str
    meaning: str
    is_lead: bool = False


COLUMNS = [
    Column(name="Clicks", meaning="Visitors who were sent on to the offer.", is_lead=True),
    Column(name="Bots", meaning="Requests that declared themselves bots; they cost nothing and count nowhere else."),
    Column(name="Previews", meaning="Link previews and prefetches, by messengers and browsers."),
    Column(name="While paused", meaning="Visitors who came while the campaign was not active; their cost counts."),
    Column(name="Reg.", meaning="Registrations on the day they happened, whatever review says of them."),
    Column(
        name="FTD gross",
        meaning="First deposits that were ever confirmed, on their own day. A later chargeback does not lower it.",
    ),
    Column(name="held", meaning="The part of net that review holds until a person decides."),
    Column(
        name="FTD net",
        meaning="Gross without those charged back, refunded or rejected by review; held ones are still in it.",
        is_lead=True,
    ),
    Column(
        name="Cost",
        meaning="Cost in the click addresses of visitors, plus spend that was entered, plus commission.",
        is_lead=True,
    ),
    Column(name="CPA", meaning="Cost divided by FTD net; a dash where there is none to divide by.", is_lead=True),
    Column(name="Commission", meaning="The part of cost that partners earned, less what was reversed on that day."),
    Column(name="Revenue", meaning="What the offer brings for each first deposit in net.", is_lead=True),
]


@dataclass(frozen=True, kw_only=True)
class Cell:
    text: str
    is_lead: bool
    is_empty: bool


@dataclass(frozen=True, kw_only=True)
class Line:
    day: date | None
    cells: list[Cell]


@dataclass(frozen=True, kw_only=True)
class Group:
    """One campaign's days and their sum; `campaign` is None for conversions that none brought."""

    campaign: Campaign | None
    lines: list[Line]
    sum: Line


@dataclass(frozen=True, kw_only=True)
class Table:
    """All groups; the sum has money only where all are in `currency`."""

    groups: list[Group]
    sum: Line
    currency: str | None


def build_table(rows: Sequence[CampaignDay]) -> Table:
    """Return the rows, in the order they come, as lines of text grouped by campaign."""
    currency = only_currency(rows)
    groups = [_group(campaign, list(days)) for campaign, days in groupby(rows, key=lambda row: row.campaign)]
    return Table(groups=groups, sum=_line(None, total(rows), currency), currency=currency)


def _group(campaign: Campaign | None, rows: Iterable[CampaignDay]) -> Group:
    days = list(rows)
    currency = campaign.currency if campaign else None
    return Group(
        campaign=campaign,
        lines=[_line(row.day, row.figures, currency) for row in days],
        sum=_line(None, total(days), currency),
    )


def _line(day: date | None, figures: Figures, currency: str | None) -> Line:
    counts = [
        figures.clicks,
        figures.bots,
        figures.previews,
        figures.while_paused,
        figures.registrations,
        figures.first_deposits_gross,
        figures.first_deposits_held,
        figures.first_deposits_net,
    ]
    cpa = cost_per_first_deposit(figures, currency)
    amounts = [figures.cost, cpa, figures.commission, figures.revenue]
    texts = [f"{count:,}" for count in counts]
    texts += [NOTHING if amount is None or not currency else format_amount(amount, currency) for amount in amounts]
    return Line(
        day=day,
        cells=[
            Cell(text=text, is_lead=column.is_lead, is_empty=not value)
            for column, text, value in zip(COLUMNS, texts, [*counts, *amounts], strict=True)
        ],
    )

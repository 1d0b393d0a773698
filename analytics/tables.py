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
    """A heading, what stands under it in words for the reader, and the figure.

    `is_lead` columns are the ones decided by; `is_optional` ones show where a row has something in them.
    """

    name: str
    meaning: str
    figure: str
    is_lead: bool = False
    is_optional: bool = False
    is_money: bool = False


COLUMNS = [
    Column(name="Impr.", figure="impressions", meaning="Advertisements shown, by their pixel.", is_optional=True),
    Column(
        name="Clicks",
        figure="clicks",
        meaning="Visitors who were sent on, to an offer or a landing page.",
        is_lead=True,
    ),
    Column(
        name="Unique",
        figure="unique_clicks",
        meaning="The part of clicks that was the visitor's first in the campaign's window.",
        is_optional=True,
    ),
    Column(name="LP views", figure="landing_views", meaning="Landing pages seen.", is_optional=True),
    Column(
        name="LP clicks",
        figure="click_throughs",
        meaning="Links on landing pages that were followed.",
        is_optional=True,
    ),
    Column(
        name="Reg.",
        figure="registrations",
        meaning="Registrations on the day they happened, whatever review says of them.",
    ),
    Column(
        name="FTD gross",
        figure="first_deposits_gross",
        meaning="First deposits that were ever confirmed, on their own day. A later chargeback does not lower it.",
    ),
    Column(
        name="held", figure="first_deposits_held", meaning="The part of net that review holds until a person decides."
    ),
    Column(
        name="FTD net",
        figure="first_deposits_net",
        meaning="Gross without those charged back, refunded or rejected by review; held ones are still in it.",
        is_lead=True,
    ),
    Column(
        name="Cost",
        figure="cost",
        meaning="Cost in the click addresses of visitors, plus spend that was entered, plus commission.",
        is_lead=True,
        is_money=True,
    ),
    Column(
        name="CPA",
        figure="cpa",
        meaning="Cost divided by FTD net; a dash where there is none to divide by.",
        is_lead=True,
        is_money=True,
    ),
    Column(
        name="Commission",
        figure="commission",
        meaning="The part of cost that partners earned, less what was reversed on that day.",
        is_money=True,
    ),
    Column(
        name="Revenue",
        figure="revenue",
        meaning="What the offer brings for each first deposit in net.",
        is_lead=True,
        is_money=True,
    ),
    # Counted apart.
    Column(
        name="Bots",
        figure="bots",
        meaning="Requests that declared themselves bots or that a rule of yours names; they cost nothing and count "
        "nowhere else.",
    ),
    Column(name="Previews", figure="previews", meaning="Link previews and prefetches, by messengers and browsers."),
    Column(name="Excess", figure="excess", meaning="Clicks of visitors who made too many at a time.", is_optional=True),
    Column(
        name="Staff",
        figure="staff",
        meaning="Clicks from the networks of staff, where the campaign does not count them.",
        is_optional=True,
    ),
    Column(
        name="While paused",
        figure="while_paused",
        meaning="Visitors who came while the campaign or their flow took a break; their cost counts.",
    ),
    Column(
        name="Elsewhere",
        figure="elsewhere",
        meaning="Visitors from places that no licence of the campaign's offers covers; their cost counts.",
        is_optional=True,
    ),
    Column(
        name="Unknown place",
        figure="unknown_place",
        meaning="Visitors whose place is not known and who were sent to the fallback; their cost counts.",
        is_optional=True,
    ),
    Column(
        name="Capped",
        figure="capped",
        meaning="Visitors who came when all caps, or the day's budget, were reached; their cost counts.",
        is_optional=True,
    ),
    Column(
        name="Nowhere",
        figure="nowhere",
        meaning="Visitors whom the campaign had nowhere to send to: give it an offer; their cost counts.",
        is_optional=True,
    ),
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
    """All groups under the columns that have something to show; the sum has money only where all are in `currency`."""

    columns: list[Column]
    groups: list[Group]
    sum: Line
    currency: str | None


def build_table(rows: Sequence[CampaignDay]) -> Table:
    """Return the rows, in the order they come, as lines of text grouped by campaign."""
    currency = only_currency(rows)
    columns = [column for column in COLUMNS if not column.is_optional or _any(column, rows)]
    groups = [_group(campaign, list(days), columns) for campaign, days in groupby(rows, key=lambda row: row.campaign)]
    return Table(columns=columns, groups=groups, sum=_line(None, total(rows), currency, columns), currency=currency)


def _any(column: Column, rows: Iterable[CampaignDay]) -> bool:
    return any(getattr(row.figures, column.figure) for row in rows)


def _group(campaign: Campaign | None, rows: Iterable[CampaignDay], columns: Sequence[Column]) -> Group:
    days = list(rows)
    currency = campaign.currency if campaign else None
    return Group(
        campaign=campaign,
        lines=[_line(row.day, row.figures, currency, columns) for row in days],
        sum=_line(None, total(days), currency, columns),
    )


def _line(day: date | None, figures: Figures, currency: str | None, columns: Sequence[Column]) -> Line:
    return Line(day=day, cells=[_cell(column, figures, currency) for column in columns])


def _cell(column: Column, figures: Figures, currency: str | None) -> Cell:
    is_cpa = column.figure == "cpa"
    value = cost_per_first_deposit(figures, currency) if is_cpa else getattr(figures, column.figure)
    if not column.is_money:
        text = f"{value:,}"
    else:
        text = NOTHING if value is None or not currency else format_amount(value, currency)
    return Cell(text=text, is_lead=column.is_lead, is_empty=not value)

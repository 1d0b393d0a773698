"""Apple's anonymous installs as a page shows them, and as CSV for programs."""

import csv
import io
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from analytics.domain.app_installs import DIMENSIONS, InstallFigures, InstallRow, total
from analytics.tables import NOTHING
from campaigns.models import Campaign
from conversions.models import AppPostback
from tracker_project.common.exports import disarm_text


@dataclass(frozen=True, kw_only=True)
class Column:
    """A heading and what stands under it: a count, or text; `is_lead` columns are the ones read first."""

    name: str
    meaning: str
    is_lead: bool = False
    is_text: bool = False


COLUMNS = [
    Column(
        name="Installs",
        meaning="Installs that Apple credits to the ad: the first postback of each, redownloads included.",
        is_lead=True,
    ),
    Column(name="again", meaning="The part of installs that are redownloads: the person had the app before."),
    Column(name="Low", meaning="Postbacks with the coarse conversion value “low”, which the app set.", is_lead=True),
    Column(name="Medium", meaning="Those with “medium”.", is_lead=True),
    Column(name="High", meaning="Those with “high”.", is_lead=True),
    Column(name="Fine", meaning="Postbacks with a fine conversion value, 0 to 63, which the app set.", is_lead=True),
    Column(name="Fine values", meaning="How often each fine value came, the most frequent ones first.", is_text=True),
    Column(
        name="No value",
        meaning="Apple withheld the value, because too few people saw the ad, or the app set none.",
    ),
    Column(
        name="Viewed",
        meaning="The ad was only seen (view-through). In AdAttributionKit this is not under Apple's signature.",
    ),
    Column(name="Clicked", meaning="The ad was tapped, or shown by Apple's own store sheet (fidelity 1)."),
    Column(name="Re-eng.", meaning="Re-engagements: the app was there and the ad opened it. AdAttributionKit only."),
    Column(name="Postbacks", meaning="All that came in for the window, those that lost included."),
    Column(name="Lost", meaning="Another ad was credited; such a postback says nothing more."),
]
_MOST_VALUES = 4
_ONE_POSTBACK = "One postback"


@dataclass(frozen=True, kw_only=True)
class InstallCell:
    name: str
    text: str
    is_lead: bool
    is_empty: bool
    is_text: bool


@dataclass(frozen=True, kw_only=True)
class InstallLine:
    source: str
    campaign: Campaign | None
    window: str
    is_first_of_source: bool
    cells: list[InstallCell]


@dataclass(frozen=True, kw_only=True)
class InstallGroup:
    """One network's sources for one app, and their sum."""

    network: str
    app_id: int
    lines: list[InstallLine]
    sum: list[InstallCell]


@dataclass(frozen=True, kw_only=True)
class InstallTable:
    groups: list[InstallGroup]
    sum: list[InstallCell]


def build_install_table(rows: Sequence[InstallRow]) -> InstallTable:
    """Return the rows, in the order they come, as lines of text grouped by network and app."""
    groups = [
        _group(network, app_id, list(sources))
        for (network, app_id), sources in groupby(rows, key=lambda row: (row.network, row.app_id))
    ]
    return InstallTable(groups=groups, sum=_cells(total(rows)))


def app_postback_counts_csv(counts: Iterable[dict[str, Any]]) -> str:
    """Return counts of postbacks as CSV: a line for each combination that came in, empty where one says nothing."""
    written = io.StringIO()
    writer = csv.writer(written)
    writer.writerow(["day", *DIMENSIONS, "postbacks"])
    for count in counts:
        writer.writerow([count["day"].isoformat(), *(_plain(count[name]) for name in DIMENSIONS), count["postbacks"]])
    return written.getvalue()


def _group(network: str, app_id: int, rows: list[InstallRow]) -> InstallGroup:
    lines = []
    before = None
    for row in rows:
        source = f"Campaign {row.source}" if row.is_campaign_number else row.source
        window = _ONE_POSTBACK if row.window is None else AppPostback.Window(row.window).label
        lines.append(
            InstallLine(
                source=source,
                campaign=row.campaign,
                window=window,
                is_first_of_source=source != before,
                cells=_cells(row.figures),
            )
        )
        before = source
    return InstallGroup(network=network, app_id=app_id, lines=lines, sum=_cells(total(rows)))


def _cells(figures: InstallFigures) -> list[InstallCell]:
    fine = figures.fine.total()
    counts = [figures.installs, figures.redownloads, figures.low, figures.medium, figures.high, fine]
    rest = [figures.without_value, figures.viewed, figures.clicked, figures.re_engagements]
    rest += [figures.postbacks, figures.lost]
    texts = [*(f"{count:,}" for count in counts), _values(figures.fine), *(f"{count:,}" for count in rest)]
    return [
        InstallCell(name=column.name, text=text, is_lead=column.is_lead, is_empty=not value, is_text=column.is_text)
        for column, text, value in zip(COLUMNS, texts, [*counts, fine, *rest], strict=True)
    ]


def _values(fine: Counter[int]) -> str:
    if not fine:
        return NOTHING
    ordered = sorted(fine.items(), key=lambda item: (-item[1], item[0]))
    shown = " · ".join(f"{value} × {count:,}" for value, count in ordered[:_MOST_VALUES])
    left = len(ordered) - _MOST_VALUES
    return f"{shown} · {left} more" if left > 0 else shown


def _plain(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return disarm_text(value) if isinstance(value, str) else str(value)

"""Apple's anonymous installs: postbacks counted by network, app, source identifier and conversion window.

Counted from the rows of `app_postbacks` on the day that they were received (Apple hides when the install was); test
postbacks never count. Nothing here meets a player, a credit or money.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from datetime import UTC, date
from typing import Any

from django.db.models import Count, Q, QuerySet
from django.db.models.functions import TruncDate

from campaigns.models import Campaign
from conversions.models import AppPostback, SourceIdentifier
from tracker_project.common.time import day_bounds

# Postbacks name no zone, and come from everywhere a day or more late.
ZONE = "UTC"

# All that tells postbacks apart, beside the day.
DIMENSIONS = [
    "framework",
    "version",
    "ad_network_id",
    "app_id",
    "source_identifier",
    "campaign_number",
    "window",
    "conversion_type",
    "fidelity",
    "interaction",
    "did_win",
    "conversion_value",
    "coarse_value",
]

_WON = ~Q(did_win=False)  # before SKAdNetwork 3.0 only winners are told, and nothing says so
_FIRST = Q(window=0) | Q(window__isnull=True)
_COUNTED = {
    "postbacks": Count("id"),
    "installs": Count("id", filter=_WON & _FIRST & ~Q(conversion_type="re-engagement")),
    "redownloads": Count("id", filter=_WON & _FIRST & Q(conversion_type="redownload")),
    "re_engagements": Count("id", filter=_WON & _FIRST & Q(conversion_type="re-engagement")),
    "viewed": Count("id", filter=_WON & (Q(fidelity=0) | Q(interaction="view"))),
    "clicked": Count("id", filter=_WON & (Q(fidelity=1) | Q(interaction="click"))),
    "low": Count("id", filter=_WON & Q(coarse_value="low")),
    "medium": Count("id", filter=_WON & Q(coarse_value="medium")),
    "high": Count("id", filter=_WON & Q(coarse_value="high")),
}


@dataclass(frozen=True, kw_only=True)
class InstallFigures:
    """Counts of postbacks; all but `postbacks` and `lost` count those alone that won.

    An install is told up to three times, once a window: `installs`, `redownloads` (a part of them) and
    `re_engagements` count its first postback only. `fine` counts postbacks by fine value.
    """

    postbacks: int = 0
    lost: int = 0
    installs: int = 0
    redownloads: int = 0
    re_engagements: int = 0
    viewed: int = 0
    clicked: int = 0
    low: int = 0
    medium: int = 0
    high: int = 0
    without_value: int = 0
    fine: Counter[int] = field(default_factory=Counter)

    def __add__(self, other: "InstallFigures") -> "InstallFigures":
        return InstallFigures(**{each.name: getattr(self, each.name) + getattr(other, each.name) for each in _FIELDS})


_FIELDS = fields(InstallFigures)


@dataclass(frozen=True, kw_only=True)
class InstallRow:
    """One source of a network for one app in one window; `campaign` is what a person says the source stands for."""

    network: str
    app_id: int
    source: str
    is_campaign_number: bool
    window: int | None
    campaign: Campaign | None
    figures: InstallFigures


def app_installs(*, first: date, last: date, network: str = "") -> list[InstallRow]:
    """Return what came in from `first` to `last` (both in), by network, app, source and window."""
    counted = (
        _received(first, last, network)
        .values("ad_network_id", "app_id", "source_identifier", "campaign_number", "window", "conversion_value")
        .annotate(won=Count("id", filter=_WON), **_COUNTED)
        .order_by()
    )
    cells: dict[_Key, InstallFigures] = {}
    for row in counted:
        key = _Key.of(row)
        cells[key] = cells.get(key, InstallFigures()) + _figures(row)
    campaigns = _campaigns(network)
    return [
        InstallRow(
            network=key.network,
            app_id=key.app_id,
            source=key.source,
            is_campaign_number=key.is_campaign_number,
            window=key.window,
            campaign=_campaign_of(key, campaigns),
            figures=figures,
        )
        for key, figures in sorted(cells.items(), key=lambda cell: cell[0].order())
    ]


def app_postback_counts(*, first: date, last: date, network: str = "") -> list[dict[str, Any]]:
    """Return how many postbacks came in, by `day` and all of `DIMENSIONS`, with their number as `postbacks`."""
    received = _received(first, last, network).annotate(day=TruncDate("received_at", tzinfo=UTC))
    counted = received.values("day", *DIMENSIONS).annotate(postbacks=Count("id"))
    return list(counted.order_by("day", *DIMENSIONS))


def total(rows: Iterable[InstallRow]) -> InstallFigures:
    return sum((row.figures for row in rows), InstallFigures())


@dataclass(frozen=True, kw_only=True)
class _Key:
    network: str
    app_id: int
    source: str
    is_campaign_number: bool
    window: int | None

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> "_Key":
        return cls(
            network=row["ad_network_id"],
            app_id=row["app_id"],
            source=row["source_identifier"] or str(row["campaign_number"]),
            is_campaign_number=row["campaign_number"] is not None,
            window=row["window"],
        )

    def order(self) -> tuple[Any, ...]:
        """Sort an identifier that Apple shortened before the longer ones that end in the same digits."""
        window = -1 if self.window is None else self.window
        if self.is_campaign_number:
            return (self.network, self.app_id, True, int(self.source), window)
        return (self.network, self.app_id, False, self.source[-2:], self.source[-3:-2], self.source[-4:-3], window)


def _received(first: date, last: date, network: str) -> QuerySet[AppPostback]:
    starts_at, ends_at = day_bounds(first, ZONE)[0], day_bounds(last, ZONE)[1]
    received = AppPostback.objects.filter(received_at__gte=starts_at, received_at__lt=ends_at, is_test=False)
    return received.filter(ad_network_id=network) if network else received


def _figures(row: Mapping[str, Any]) -> InstallFigures:
    won, value = row["won"], row["conversion_value"]
    fine = Counter({value: won}) if value is not None and won else Counter[int]()
    coarse = row["low"] + row["medium"] + row["high"]
    return InstallFigures(
        lost=row["postbacks"] - won,
        without_value=won - coarse - fine.total(),
        fine=fine,
        **{name: row[name] for name in _COUNTED},
    )


def _campaigns(network: str) -> dict[tuple[str, str], Campaign]:
    rows = SourceIdentifier.objects.select_related("campaign")
    rows = rows.filter(ad_network_id=network) if network else rows
    return {(row.ad_network_id, row.identifier): row.campaign for row in rows}


def _campaign_of(key: _Key, campaigns: dict[tuple[str, str], Campaign]) -> Campaign | None:
    """Return what the most digits of the source stand for; the number of a campaign stands only whole."""
    shortest = len(key.source) if key.is_campaign_number else 2
    endings = [key.source[-digits:] for digits in range(len(key.source), shortest - 1, -1)]
    return next((campaigns[key.network, each] for each in endings if (key.network, each) in campaigns), None)

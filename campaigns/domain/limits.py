"""How much of each cap is used: the sum over its counters, and the counter that conversions are counted by."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.db import connection
from django.db.models import Q, QuerySet, Sum

from campaigns.models import Campaign, Cap, CapUse
from tracker_project.common.time import day_in_zone

# The counter of what conversions/domain/caps.py counts; all others but the next are edges'.
CONVERSIONS = "conversions"
# Where counters end that nobody writes any more.
FOLDED = "folded"
_SILENT_FOR = timedelta(days=1)
# A cap in all has no day that is over, and an edge that lives on writes the whole of its number again: its counter
# folds once nothing was heard of that edge at all for so long.
_GONE_FOR = timedelta(days=30)
_KEPT_DAYS = 90


@dataclass(frozen=True, kw_only=True)
class CapStanding:
    """A cap, its day (None for one in all), and how much of it is used."""

    cap: Cap
    day: date | None
    uses: int

    @property
    def is_reached(self) -> bool:
        return self.uses >= self.cap.limit

    @property
    def overshoot(self) -> int:
        """Return how much more was taken than the cap allows, before all edges knew that it was reached."""
        return max(0, self.uses - self.cap.limit)

    @property
    def percent(self) -> int:
        return 100 * self.uses // self.cap.limit if self.cap.limit else 100


@dataclass(frozen=True, kw_only=True)
class CapCount:
    """What was counted of one cap on one of its days."""

    cap_id: int
    day: date | None
    uses: int


def caps_of_running_campaigns() -> QuerySet[Cap]:
    """Return the caps that may hold somebody back now: those of offers, and of campaigns that are not archived."""
    is_archived = Q(status=Campaign.Status.ARCHIVED)
    archived = Campaign.objects.filter(is_archived).values("id")
    return (
        Cap.objects.select_related("campaign", "offer", "flow__campaign")
        .exclude(campaign__in=archived)
        .exclude(flow__campaign__in=archived)
        .order_by("id")
    )


def cap_zone(cap: Cap) -> str:
    """Return the zone whose midnight begins the cap's day."""
    if cap.campaign is not None:
        return cap.campaign.time_zone
    return cap.flow.campaign.time_zone if cap.flow is not None else cap.time_zone


def cap_day(cap: Cap, *, at: datetime) -> date | None:
    """Return the day whose uses count against the cap at `at`; None for a cap in all."""
    return day_in_zone(at, cap_zone(cap)) if cap.period == Cap.Period.DAY else None


def standings_of(caps: Sequence[Cap], *, at: datetime) -> list[CapStanding]:
    """Return how much of each cap is used at `at`; one query however many there are."""
    days = {cap.pk: cap_day(cap, at=at) for cap in caps}
    rows = (
        CapUse.objects.filter(Q(day=None) | Q(day__in={day for day in days.values() if day}), cap__in=days)
        .values("cap", "day")
        .annotate(sum=Sum("uses"))
        .order_by()
    )
    used = {(row["cap"], row["day"]): row["sum"] for row in rows}
    return [CapStanding(cap=cap, day=days[cap.pk], uses=used.get((cap.pk, days[cap.pk]), 0)) for cap in caps]


def write_conversion_uses(counts: Iterable[CapCount]) -> None:
    """Set the counter of conversions to what was counted; caps that are gone meanwhile are left out."""
    rows = list(counts)
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO cap_uses (cap_id, day, counter, uses, updated_at)
            SELECT counted.cap_id, counted.day, %s, counted.uses, now()
            FROM unnest(%s::bigint[], %s::date[], %s::bigint[]) counted (cap_id, day, uses)
            JOIN caps ON caps.id = counted.cap_id
            ORDER BY counted.cap_id, counted.day
            ON CONFLICT (cap_id, day, counter) DO UPDATE SET uses = excluded.uses, updated_at = excluded.updated_at
            WHERE cap_uses.uses <> excluded.uses
            """,
            [CONVERSIONS, [row.cap_id for row in rows], [row.day for row in rows], [row.uses for row in rows]],
        )


def fold_cap_uses(*, at: datetime) -> int:
    """Fold the counters that no edge writes any more into one a cap and day, forget days long past; return how many.

    Counters of a day fold once it is over everywhere and they were silent for a day, those of a cap in all once their
    edge wrote nothing of any cap or campaign for thirty days. Sums stay the same at every instant; two runs at once
    fold nothing twice.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            """
            WITH silent AS (
                DELETE FROM cap_uses
                WHERE counter NOT IN (%(conversions)s, %(folded)s) AND updated_at < %(silent_since)s
                  AND (day < %(over)s OR (day IS NULL AND counter NOT IN (
                      SELECT counter FROM cap_uses WHERE updated_at >= %(gone_since)s
                      UNION SELECT counter FROM campaign_spends WHERE updated_at >= %(gone_since)s
                  )))
                RETURNING cap_id, day, uses
            ), folded AS (
                INSERT INTO cap_uses (cap_id, day, counter, uses, updated_at)
                SELECT cap_id, day, %(folded)s, sum(uses), %(at)s FROM silent GROUP BY cap_id, day
                ON CONFLICT (cap_id, day, counter)
                DO UPDATE SET uses = cap_uses.uses + excluded.uses, updated_at = excluded.updated_at
            )
            SELECT count(*) FROM silent
            """,
            {
                "conversions": CONVERSIONS,
                "folded": FOLDED,
                "at": at,
                "silent_since": at - _SILENT_FOR,
                "gone_since": at - _GONE_FOR,
                "over": at.date() - timedelta(days=1),
            },
        )
        folded: int = cursor.fetchone()[0]
        cursor.execute("DELETE FROM cap_uses WHERE day < %s", [at.date() - timedelta(days=_KEPT_DAYS)])
    return folded

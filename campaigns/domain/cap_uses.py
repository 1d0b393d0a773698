"""How much of each cap is used so far: on its current day, or in all."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q, Sum

from campaigns.models import Cap, CapUse
from tracker_project.common.time import day_in_zone


@dataclass(frozen=True, kw_only=True)
class CapInUse:
    """A cap's use, and by how much it is over."""

    used: int
    limit: int

    @property
    def overshoot(self) -> int:
        return max(0, self.used - self.limit)


def uses_of(caps: Iterable[Cap], *, at: datetime) -> dict[int, CapInUse]:
    """Return each cap's use by its id, in one question; `campaign` and `flow.campaign` of each are read."""
    rows = list(caps)
    wanted = Q(pk__in=[])
    for cap in rows:
        day = day_in_zone(at, zone_of(cap)) if cap.period == Cap.Period.DAY else None
        wanted |= Q(cap=cap, day=day) if day else Q(cap=cap, day__isnull=True)
    sums = CapUse.objects.filter(wanted).values("cap").annotate(used=Sum("uses")).values_list("cap", "used")
    used = dict(sums) if rows else {}
    return {cap.pk: CapInUse(used=int(used.get(cap.pk, 0)), limit=cap.limit) for cap in rows}


def zone_of(cap: Cap) -> str:
    """Return the time zone whose midnight ends a cap's day."""
    if cap.campaign:
        return cap.campaign.time_zone
    if cap.flow:
        return cap.flow.campaign.time_zone
    return cap.time_zone

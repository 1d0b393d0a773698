"""How much of caps and budgets is used: counted here, told to Postgres each second, and read back for all edges.

What an edge tells are absolute numbers under a name of its own, so that telling them twice changes nothing; each hour
it tells all of them again, for what has been silent for days is taken for that of an edge that is gone. Between two
exchanges edges do not know of each other's clicks: a cap may be overshot by what comes in about two seconds.
"""

import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Any

import psycopg

from attribution.edge.zones import Zone

_EPOCH = date(1970, 1, 1)
_UNITS = Decimal(10) ** 8
_KEPT_DAYS = 2
_TELL_USES = """
INSERT INTO cap_uses (cap_id, day, counter, uses, updated_at)
SELECT id, %s, %s, %s, now() FROM caps WHERE id = %s
ON CONFLICT (cap_id, day, counter) DO UPDATE SET uses = excluded.uses, updated_at = now()
"""
_TELL_SPEND = """
INSERT INTO campaign_spends (campaign_id, day, counter, amount, updated_at)
SELECT id, %s, %s, %s, now() FROM campaigns WHERE id = %s
ON CONFLICT (campaign_id, day, counter) DO UPDATE SET amount = excluded.amount, updated_at = now()
"""
_READ_USES = """
SELECT cap_id, day - date '1970-01-01', sum(uses)::bigint FROM cap_uses
WHERE counter <> %(counter)s AND (day IS NULL OR day >= %(since)s) GROUP BY 1, 2
"""
_READ_SPEND = """
SELECT campaign_id, day - date '1970-01-01', sum(amount) FROM campaign_spends
WHERE counter <> %(counter)s AND day >= %(since)s GROUP BY 1, 2
"""
# A day, and nothing for a cap in all.
Key = tuple[int, int | None]


@lru_cache(maxsize=10_000)
def cost_units(cost: str) -> int:
    """Return an amount as a whole number of its eighth decimals."""
    return int(Decimal(cost) * _UNITS)


@dataclass(frozen=True, slots=True)
class Cap:
    """The most of something: clicks are counted by edges, conversions by others. Without `zone` it is one in all."""

    id: int
    counts_clicks: bool
    limit: int
    zone: Zone | None

    def key(self, milliseconds: int) -> Key:
        return self.id, self.zone.day(milliseconds) if self.zone else None


@dataclass(frozen=True, slots=True)
class Budget:
    """What a campaign may cost on a day of its zone, in units; paced evenly or as it comes."""

    campaign_id: int
    units: int
    is_even: bool
    zone: Zone

    # So much may be spent at once at the start of an evenly paced day.
    START_SHARE = 1 / 48

    def allowed(self, milliseconds: int) -> int:
        if not self.is_even:
            return self.units
        return int(self.units * max(self.START_SHARE, self.zone.share_of_day(milliseconds)))


class Usage:
    """The numbers of this edge and, as of the last exchange, of all others."""

    def __init__(self) -> None:
        self._counter = f"edge {secrets.token_hex(8)}"
        self._uses: dict[Key, int] = {}
        self._spend: dict[Key, int] = {}
        self._untold_uses: set[Key] = set()
        self._untold_spend: set[Key] = set()
        self._others_uses: dict[Key, int] = {}
        self._others_spend: dict[Key, int] = {}
        self._told_all_in: datetime | None = None

    def is_reached(self, caps: Iterable[Cap], milliseconds: int) -> bool:
        """Say whether any of the caps is used up."""
        for cap in caps:
            key = cap.key(milliseconds)
            if self._uses.get(key, 0) + self._others_uses.get(key, 0) >= cap.limit:
                return True
        return False

    def is_spent(self, budget: Budget, milliseconds: int) -> bool:
        """Say whether the budget has nothing left for now."""
        key = budget.campaign_id, budget.zone.day(milliseconds)
        return self._spend.get(key, 0) + self._others_spend.get(key, 0) >= budget.allowed(milliseconds)

    def count(self, caps: Iterable[Cap], milliseconds: int) -> None:
        """Count a click in those of the caps that are of clicks."""
        for cap in caps:
            if cap.counts_clicks:
                key = cap.key(milliseconds)
                self._uses[key] = self._uses.get(key, 0) + 1
                self._untold_uses.add(key)

    def spend(self, campaign_id: int, zone: Zone, cost: str, milliseconds: int) -> None:
        """Count a click's cost, in its campaign's currency, as of the campaign's day."""
        key = campaign_id, zone.day(milliseconds)
        self._spend[key] = self._spend.get(key, 0) + cost_units(cost)
        self._untold_spend.add(key)

    async def exchange(self, connection: psycopg.AsyncConnection[Any], *, at: datetime) -> None:
        """Tell what is new and read what others told; what could not be told is told the next time."""
        today, hour = at.date(), at.replace(minute=0, second=0, microsecond=0)
        if hour != self._told_all_in:
            self._untold_uses.update(self._uses)
            self._untold_spend.update(self._spend)
        uses, self._untold_uses = self._untold_uses, set()
        spend, self._untold_spend = self._untold_spend, set()
        try:
            async with connection.cursor() as cursor:
                if uses:
                    rows = [(_date(day), self._counter, self._uses[cap_id, day], cap_id) for cap_id, day in uses]
                    await cursor.executemany(_TELL_USES, rows)
                if spend:
                    money = [
                        (_date(day), self._counter, self._spend[number, day] / _UNITS, number) for number, day in spend
                    ]
                    await cursor.executemany(_TELL_SPEND, money)
                bounds = {"counter": self._counter, "since": today - timedelta(days=_KEPT_DAYS)}
                told = await (await cursor.execute(_READ_USES, bounds)).fetchall()
                spent = await (await cursor.execute(_READ_SPEND, bounds)).fetchall()
        except BaseException:  # also when the edge stops meanwhile: it tells once more before it goes
            self._untold_uses |= uses
            self._untold_spend |= spend
            raise
        self._told_all_in = hour
        self._others_uses = {(cap_id, day): total for cap_id, day, total in told}
        self._others_spend = {(number, day): int(total * _UNITS) for number, day, total in spent}
        self._forget(before=(today - _EPOCH).days - _KEPT_DAYS)

    def _forget(self, *, before: int) -> None:
        for counts in (self._uses, self._spend):
            for key in [key for key in counts if key[1] is not None and key[1] < before]:
                del counts[key]


def _date(day: int | None) -> date | None:
    return None if day is None else _EPOCH + timedelta(days=day)

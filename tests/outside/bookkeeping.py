"""The tracker's own figures, read as its users read them: the campaign table and the commission export."""

import csv
import io
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

from tests.outside.expected import Figures
from tests.outside.setup import TrackerUnreachable, run_command


@dataclass(frozen=True, kw_only=True)
class CampaignDays:
    """The campaign table at one moment: figures summed up by campaign, and the CPA of each campaign's newest day."""

    figures: dict[str, Figures]
    newest: dict[str, dict[str, Any]]

    def grown_since(self, before: "CampaignDays", campaign: str) -> Figures:
        """Return by how much a campaign's figures grew."""
        then, now = before.figures.get(campaign, Figures()), self.figures.get(campaign, Figures())
        grown = {field.name: getattr(now, field.name) - getattr(then, field.name) for field in fields(Figures)}
        return Figures(**grown)


class Bookkeeping:
    """Reads through the tracker's commands, of a range of days that is fixed at the beginning."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment
        today = datetime.now(UTC).date()
        # A day to each side: campaigns have days of their own zones, and midnight may pass meanwhile.
        self._first, self._last = today - timedelta(days=1), today + timedelta(days=2)

    def campaign_days(self) -> CampaignDays:
        rows = self._json_rows(["campaign_days", "--json", f"--from={self._first}", f"--to={self._last}"])
        figures: dict[str, Figures] = {}
        newest: dict[str, dict[str, Any]] = {}
        for row in rows:
            name = row["campaign"]
            if name is not None:
                figures[name] = _added(figures.get(name, Figures()), row)
                if name not in newest or date.fromisoformat(row["day"]) > date.fromisoformat(newest[name]["day"]):
                    newest[name] = row
        return CampaignDays(figures=figures, newest=newest)

    def commissions(self, *, run: str) -> list[dict[str, str]]:
        """Return the rows of the commission export that are about this run's players."""
        exported = run_command(["export_commissions"], environment=self._environment)
        rows = csv.DictReader(io.StringIO(exported.lstrip("\ufeff")))
        return [row for row in rows if f"sim-{run}-" in row.get("player id", "")]

    def _json_rows(self, arguments: list[str]) -> list[dict[str, Any]]:
        printed = run_command(arguments, environment=self._environment)
        try:
            rows = json.loads(printed)
        except ValueError:
            raise TrackerUnreachable(f"manage.py {arguments[0]} printed no JSON: {printed[:100]!r}") from None
        return list(rows)


def cpa_by_hand(row: dict[str, Any]) -> str:
    """Return what a row's CPA must be, from its own cost and first deposits; currencies here have two digits."""
    if not row["first_deposits_net"]:
        return "none"
    exact = Decimal(row["cost"]) / row["first_deposits_net"]
    return str(exact.quantize(Decimal("0.01"), rounding=ROUND_HALF_EVEN))


def _added(figures: Figures, row: dict[str, Any]) -> Figures:
    """Return figures with those of a row; names are the columns' own, amounts come as text."""
    return Figures(**dict(_sums(figures, row)))


def _sums(figures: Figures, row: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    for field in fields(Figures):
        held = getattr(figures, field.name)
        yield field.name, held + type(held)(row[field.name] or 0)

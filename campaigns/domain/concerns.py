"""What a buyer is warned of, in words, and how long several rows with a first and a last day hold together."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

# So long before an end people are warned of it.
NOTICE = timedelta(days=30)
_DAY = timedelta(days=1)


class Level(StrEnum):
    """Whether something is missing already, or will be soon."""

    MISSING = "missing"
    ENDING = "ending"


@dataclass(frozen=True, kw_only=True)
class Concern:
    """Something that stops, or soon will stop, what a campaign does: a label and its place for lists, a sentence."""

    level: Level
    label: str
    text: str
    place: str = ""


@dataclass(frozen=True, kw_only=True)
class Span:
    """Days on which something holds, both included; without `until` no end is known."""

    since: date
    until: date | None = None

    def holds(self, on: date) -> bool:
        return self.since <= on and (self.until is None or on <= self.until)


class Standing(StrEnum):
    """How things stand on a day: nothing known, over, still to come, in force until a day, in force with no end."""

    NONE = "none"
    ENDED = "ended"
    BEGINS = "begins"
    UNTIL = "until"
    OPEN = "open"


@dataclass(frozen=True, kw_only=True)
class Coverage:
    """How things stand, and the day that goes with it: the last one, or the first."""

    standing: Standing
    day: date | None = None

    def is_ending(self, on: date) -> bool:
        return self.standing == Standing.UNTIL and self.day is not None and self.day - on <= NOTICE


def coverage(spans: Iterable[Span], *, on: date) -> Coverage:
    """Return how `spans` together stand on a day; one that begins the day after another ends goes on from it."""
    known = sorted(spans, key=lambda span: span.since)
    if not known:
        return Coverage(standing=Standing.NONE)
    if not any(span.holds(on) for span in known):
        return _not_in_force(known, on)
    until = on
    for span in known:
        if span.since <= until + _DAY:
            if span.until is None:
                return Coverage(standing=Standing.OPEN)
            until = max(until, span.until)
    return Coverage(standing=Standing.UNTIL, day=until)


def in_days(until: date, *, on: date) -> str:
    """Say how far away the last day is, such as “ends in 12 days (2026-12-06)”."""
    days = (until - on).days
    away = {0: "today", 1: "tomorrow"}.get(days, f"in {days} days")
    return f"ends {away} ({until})"


def _not_in_force(known: list[Span], on: date) -> Coverage:
    coming = [span.since for span in known if span.since > on]
    if coming:
        return Coverage(standing=Standing.BEGINS, day=min(coming))
    return Coverage(standing=Standing.ENDED, day=max(span.until for span in known if span.until is not None))

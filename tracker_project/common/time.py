"""Business days: the one place that turns an instant into a day in a named zone."""

import zoneinfo
from datetime import date, datetime, time, timedelta
from functools import cache

from django.core.exceptions import ValidationError


def day_in_zone(at: datetime, time_zone: str) -> date:
    """Return the calendar day of the instant `at` in the IANA zone `time_zone`."""
    return at.astimezone(zoneinfo.ZoneInfo(time_zone)).date()


def day_bounds(day: date, time_zone: str) -> tuple[datetime, datetime]:
    """Return the half-open instants of `day` in `time_zone`; 23 or 25 hours when clocks change."""
    zone = zoneinfo.ZoneInfo(time_zone)
    return datetime.combine(day, time(), zone), datetime.combine(day + timedelta(days=1), time(), zone)


@cache
def time_zone_names() -> frozenset[str]:
    return frozenset(zoneinfo.available_timezones())


def validate_time_zone(name: str) -> None:
    """Refuse a name that is not an IANA time zone."""
    if name not in time_zone_names():
        raise ValidationError(f"“{name}” is not a time zone; write it as in Europe/Malta.", code="time_zone")

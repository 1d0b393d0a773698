"""Business days in a named zone."""

from datetime import UTC, date, datetime, timedelta

import pytest
from django.core.exceptions import ValidationError

from tracker_project.common.time import day_bounds, day_in_zone, validate_time_zone


@pytest.mark.parametrize(
    ("at", "zone", "day"),
    [
        (datetime(2026, 11, 22, 23, 0, tzinfo=UTC), "Europe/Malta", date(2026, 11, 23)),
        (datetime(2026, 11, 22, 22, 59, 59, tzinfo=UTC), "Europe/Malta", date(2026, 11, 22)),
        (datetime(2026, 11, 22, 1, 0, tzinfo=UTC), "America/Sao_Paulo", date(2026, 11, 21)),
    ],
)
def test_day_in_zone_turns_at_the_zones_midnight(at, zone, day):
    assert day_in_zone(at, zone) == day


@pytest.mark.parametrize(("day", "hours"), [(date(2026, 3, 29), 23), (date(2026, 10, 25), 25), (date(2026, 7, 1), 24)])
def test_day_bounds_follow_daylight_saving(day, hours):
    starts_at, ends_at = day_bounds(day, "Europe/Malta")

    assert ends_at.astimezone(UTC) - starts_at.astimezone(UTC) == timedelta(hours=hours)


def test_validate_time_zone_refuses_an_unknown_name():
    validate_time_zone("Europe/Malta")

    with pytest.raises(ValidationError):
        validate_time_zone("Malta/Europe")

"""The time of clicks: never far back, and not led astray by one wild reading."""

from attribution.edge.clock import ClickClock

DAY = 86_400_000
NOON = 20_000 * DAY + DAY // 2


def clock_reading(*times: int) -> ClickClock:
    return ClickClock(iter(times).__next__)


def test_milliseconds_are_the_wall_clocks():
    clock = clock_reading(NOON, NOON + 5, NOON + 5)

    assert [clock.milliseconds() for _ in range(3)] == [NOON, NOON + 5, NOON + 5]


def test_milliseconds_step_back_a_second_at_most():
    clock = clock_reading(NOON, NOON - 400, NOON - 60_000, NOON + 1)

    assert [clock.milliseconds() for _ in range(4)] == [NOON, NOON - 400, NOON - 1_000, NOON + 1]


def test_milliseconds_forget_a_reading_on_a_day_without_a_partition():
    clock = clock_reading(NOON, NOON + 4000 * DAY, NOON + 7)
    clock.set_days(frozenset({20_000, 20_001}))

    assert [clock.milliseconds() for _ in range(3)] == [NOON, NOON + 4000 * DAY, NOON + 7]


def test_has_day_trusts_every_day_until_days_are_known():
    clock = clock_reading()

    assert clock.has_day(NOON)

    clock.set_days(frozenset({19_999}))

    assert not clock.has_day(NOON)

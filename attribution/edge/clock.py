"""The time that clicks are stamped with: it hardly ever runs backwards, and knows the days that are stored."""

import time
from collections.abc import Callable

LARGEST_STEP_BACK_MS = 1_000
_DAY_MS = 86_400_000


def wall_clock_milliseconds() -> int:
    return time.time_ns() // 1_000_000


class ClickClock:
    """Gives out Unix milliseconds, never more than a second behind the highest that it gave out.

    A time on a day without a partition is given out as it is, but does not count as the highest: a clock that was
    far off for a moment must not move all clicks after it.
    """

    def __init__(self, read: Callable[[], int] = wall_clock_milliseconds) -> None:
        self._read = read
        self._highest = 0
        self._days: frozenset[int] = frozenset()

    def set_days(self, days: frozenset[int]) -> None:
        """Say which days since 1970 have a partition; none means that nobody knows."""
        self._days = days

    def has_day(self, milliseconds: int) -> bool:
        return not self._days or milliseconds // _DAY_MS in self._days

    def milliseconds(self) -> int:
        now = self._read()
        if now >= self._highest:
            if self.has_day(now):
                self._highest = now
            return now
        return max(now, self._highest - LARGEST_STEP_BACK_MS)

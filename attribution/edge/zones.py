"""Days and hours of time zones, from Unix milliseconds and without a datetime for each click."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

DAY_MS = 86_400_000
HOUR_MS = 3_600_000
# Clocks change on quarters of an hour at most.
_QUARTER_MS = 900_000
_THURSDAY = 3


class Zone:
    """A time zone; days are counted from 1970-01-01 as it began there, Monday is 0."""

    __slots__ = ("_offset_ms", "_quarter", "_zone", "name")

    def __init__(self, name: str) -> None:
        self.name = name
        self._zone = ZoneInfo(name)
        self._quarter = -1
        self._offset_ms = 0

    def local(self, milliseconds: int) -> int:
        """Return the zone's wall clock as milliseconds since its 1970-01-01."""
        quarter = milliseconds // _QUARTER_MS
        if quarter != self._quarter:
            offset = datetime.fromtimestamp(milliseconds / 1000, UTC).astimezone(self._zone).utcoffset()
            self._offset_ms = int(offset.total_seconds() * 1000) if offset else 0
            self._quarter = quarter
        return milliseconds + self._offset_ms

    def day(self, milliseconds: int) -> int:
        return self.local(milliseconds) // DAY_MS

    def hour(self, milliseconds: int) -> int:
        return self.local(milliseconds) % DAY_MS // HOUR_MS

    def weekday(self, milliseconds: int) -> int:
        return (self.day(milliseconds) + _THURSDAY) % 7

    def share_of_day(self, milliseconds: int) -> float:
        """Return how much of the day is over, from 0 to 1, by the wall clock."""
        return self.local(milliseconds) % DAY_MS / DAY_MS


UTC_ZONE = Zone("UTC")
